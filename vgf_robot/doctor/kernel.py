"""The kernel: how soon it lets a process run that has become ready, and what it reads the time from."""

from __future__ import annotations

from dataclasses import dataclass

from vgf_robot.doctor.finding import Finding, advice, fault, ok, untold
from vgf_robot.doctor.tree import Tree
from vgf_robot.realtime import core_list_text

# Below these shares of the time, a server that is merely busy would be stopped now and then.
GENEROUS_SHARE = 0.9
# Read from user space without asking the kernel; kvm-clock and hyperv_clocksource_tsc_page are what guests have.
FAST_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page")
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies")
MIN_CORES_TO_ISOLATE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFacts:
    """What the kernel says of itself; None where it does not.

    Attributes:
        version: As `uname -v` prints it.
        realtime: Whether it is built with PREEMPT_RT.
        rt_runtime_us: Time per period that processes under SCHED_FIFO may use; -1 for all of it.
        rt_period_us: The period.
        isolated: Cores kept free of ordinary processes.
        online: Cores there are.
        clock_source: What it reads the time from.
        clock_sources: What it could read it from.
    """

    version: str | None
    realtime: bool
    rt_runtime_us: int | None
    rt_period_us: int | None
    isolated: tuple[int, ...] | None
    online: tuple[int, ...] | None
    clock_source: str | None
    clock_sources: str | None


def read_kernel(tree: Tree) -> KernelFacts:
    """Read the facts."""
    version, clock = tree.text("proc/sys/kernel/version"), "sys/devices/system/clocksource/clocksource0"
    return KernelFacts(
        version=version,
        realtime=tree.text("sys/kernel/realtime") == "1" or "PREEMPT_RT" in (version or "").split(),
        rt_runtime_us=tree.number("proc/sys/kernel/sched_rt_runtime_us"),
        rt_period_us=tree.number("proc/sys/kernel/sched_rt_period_us"),
        isolated=tree.cores("sys/devices/system/cpu/isolated"),
        online=tree.cores("sys/devices/system/cpu/online"),
        clock_source=tree.text(f"{clock}/current_clocksource"),
        clock_sources=tree.text(f"{clock}/available_clocksource"),
    )


def check_preemption(facts: KernelFacts) -> Finding:
    """Judge whether the kernel itself can be interrupted for a process of high priority."""
    check = "preemption"
    if facts.realtime:
        return ok(check, "PREEMPT_RT")
    words = (facts.version or "").split()
    model = next((word for word in ("PREEMPT_DYNAMIC", "PREEMPT") if word in words), "voluntary or none")
    at_boot = " (or boot this one with preempt=full)" if model == "PREEMPT_DYNAMIC" else ""
    return advice(
        check,
        f"{model}: no bound on how long the kernel keeps a process waiting",
        f"for short periods install a kernel with PREEMPT_RT{at_boot}: linux-image-rt-amd64 on Debian, "
        "`pro enable realtime-kernel` on Ubuntu",
    )


def check_throttling(facts: KernelFacts) -> Finding:
    """Judge how much time processes under SCHED_FIFO get.

    Linux's own 95 % is in order: it saves a machine from a process that never sleeps, and a server that waits for
    messages does not come near it.
    """
    check, runtime, period = "real-time throttling", facts.rt_runtime_us, facts.rt_period_us or 1_000_000
    if runtime is None:
        return untold(check)
    if runtime < 0:
        return ok(check, "off")
    share = f"SCHED_FIFO may use {runtime / period:.0%} of each {period / 1e6:g} s"
    if runtime >= GENEROUS_SHARE * period:
        return ok(check, share)
    cure = f"`sudo sysctl kernel.sched_rt_runtime_us={round(0.95 * period)}`"
    return fault(check, share, cure) if runtime == 0 else advice(check, share, cure)


def check_isolation(facts: KernelFacts) -> Finding:
    """Judge whether cores are kept free for the controller."""
    check, online = "isolated cores", facts.online or ()
    if facts.isolated:
        cores = core_list_text(facts.isolated)
        return ok(check, f"{cores}; give them to the controller with `vgf-robot serve --cores {cores}`")
    if len(online) < MIN_CORES_TO_ISOLATE:
        return ok(check, f"none, with {len(online) or 'an unknown number of'} cores to share")
    last = max(online)
    return advice(
        check,
        "none: other processes run on the controller's core",
        f"boot with isolcpus={last} nohz_full={last} rcu_nocbs={last}, then `vgf-robot serve --cores {last}`",
    )


def check_clock(facts: KernelFacts) -> Finding:
    """Judge what asking for the time costs: the controller asks several times a tick."""
    check, source = "clock source", facts.clock_source
    if source is None:
        return untold(check)
    if source in FAST_CLOCKS:
        return ok(check, source)
    others = f"there are: {facts.clock_sources}" if facts.clock_sources else "look for why in `dmesg | grep -i clock`"
    cure = f"boot with clocksource=tsc tsc=reliable if the processor's counter is sound; {others}"
    found = f"{source}: each look at the clock is a call into the kernel"
    return fault(check, found, cure) if source in SLOW_CLOCKS else advice(check, found, cure)
