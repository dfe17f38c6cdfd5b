"""Files of a Linux that is in order; a test changes some of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vgf_robot.doctor import Tree

CPU = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0"
STATUS = "Name:\tpython\nVmSize:\t  500000 kB\nCapEff:\t{capabilities:016x}\nCpus_allowed_list:\t0-3\n"
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max locked memory         {memlock:<20} {memlock:<20} bytes
Max nice priority         0                    0
Max realtime priority     {rtprio:<20} {rtprio:<20}
"""


def limits(memlock: object = "unlimited", rtprio: object = 99) -> str:
    return LIMITS.format(memlock=memlock, rtprio=rtprio)


def status(capabilities: int = 0) -> str:
    return STATUS.format(capabilities=capabilities)


IN_ORDER = {
    "proc/self/status": status(),
    "proc/self/limits": limits(),
    "proc/loadavg": "0.25 0.84 1.04 1/83 7892\n",
    "proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_RT Debian 6.12.1-1\n",
    "proc/sys/kernel/sched_rt_runtime_us": "950000\n",
    "proc/sys/kernel/sched_rt_period_us": "1000000\n",
    "sys/kernel/realtime": "1\n",
    f"{CPU}/online": "0-3\n",
    f"{CPU}/isolated": "3\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/cpu0/cpufreq/scaling_min_freq": "800000\n",
    f"{CPU}/cpu0/cpufreq/scaling_max_freq": "3200000\n",
    f"{CLOCK}/current_clocksource": "tsc\n",
    f"{CLOCK}/available_clocksource": "tsc hpet acpi_pm \n",
}


def make_tree(root: Path, changes: Mapping[str, str | None] | None = None) -> Tree:
    """Write the files below a folder; None leaves one out."""
    for path, text in {**IN_ORDER, **(changes or {})}.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    return Tree(root)
