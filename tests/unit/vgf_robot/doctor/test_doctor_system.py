"""Processor, kernel and permissions, judged from files."""

import pytest

from tests.unit.vgf_robot.doctor.trees import CLOCK, CPU, IN_ORDER, limits, make_tree, status
from vgf_robot.doctor import Level, Tree, examine_system
from vgf_robot.realtime import Capability

LONE_CORE = status().replace("0-3", "2")
SWAPS = "Filename Type Size Used Priority\n/dev/zram0 partition 1000 0 5\n"
VOLUNTARY = {"sys/kernel/realtime": None, "proc/sys/kernel/version": "#1 SMP Debian 6.1.1-1\n"}
DYNAMIC = {"sys/kernel/realtime": None, "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.1-1\n"}
POWERSAVE = {f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave"}


def nothing_runs(_command):
    return None


def examined(tree, run=nothing_runs):
    return {finding.check: finding for finding in examine_system(tree, run)}


def test_a_machine_in_order_gets_no_advice(tmp_path):
    findings = examine_system(make_tree(tmp_path), nothing_runs)
    assert {finding.level for finding in findings} == {Level.OK}
    assert {finding.cure for finding in findings} == {None}
    assert len({finding.check for finding in findings}) == len(findings) == 10


@pytest.mark.parametrize(
    ("check", "changes", "level", "found", "cure"),
    [
        ("cores", {"proc/self/status": LONE_CORE}, "advice", "1 for this process (2)", "second core"),
        ("load", {"proc/loadavg": "4.00 1 1 1/1 1"}, "advice", "4 in the last minute, on 4 cores", "--fifo"),
        ("load", {"proc/loadavg": "nonsense"}, "advice", "not told", "outside of a container"),
        ("frequency governor", POWERSAVE, "advice", "performance on 1, powersave on 1", "cpupower"),
        ("frequency governor", POWERSAVE | {f"{CPU}/cpu0/cpufreq/scaling_min_freq": "3200000"}, "ok", "fixed", None),
        ("swap", {"proc/swaps": SWAPS}, "advice", "/dev/zram0", "--lock-memory"),
        ("preemption", DYNAMIC, "advice", "PREEMPT_DYNAMIC", "preempt=full"),
        ("preemption", VOLUNTARY, "advice", "voluntary or none", "PREEMPT_RT"),
        ("preemption", {"sys/kernel/realtime": None}, "ok", "PREEMPT_RT", None),
        ("real-time throttling", {"proc/sys/kernel/sched_rt_runtime_us": "-1"}, "ok", "off", None),
        ("real-time throttling", {"proc/sys/kernel/sched_rt_runtime_us": "0"}, "fault", "0%", "=950000"),
        ("real-time throttling", {"proc/sys/kernel/sched_rt_runtime_us": "500000"}, "advice", "50%", "=950000"),
        ("real-time throttling", {"proc/sys/kernel/sched_rt_runtime_us": None}, "advice", "not told", "container"),
        ("isolated cores", {f"{CPU}/isolated": "\n"}, "advice", "none", "isolcpus=3"),
        ("isolated cores", {f"{CPU}/isolated": "", f"{CPU}/online": "0-1"}, "ok", "2 cores to share", None),
        ("clock source", {f"{CLOCK}/current_clocksource": "hpet"}, "fault", "hpet", "tsc hpet acpi_pm"),
        ("clock source", {f"{CLOCK}/current_clocksource": "acpi_pm"}, "fault", "acpi_pm", "clocksource=tsc"),
        ("clock source", {f"{CLOCK}/current_clocksource": "xen"}, "advice", "xen", "clocksource=tsc"),
        ("clock source", {f"{CLOCK}/current_clocksource": "arch_sys_counter"}, "ok", "arch_sys_counter", None),
        ("clock source", {f"{CLOCK}/current_clocksource": None}, "advice", "not told", "container"),
        ("SCHED_FIFO", {"proc/self/limits": limits(rtprio=0)}, "advice", "not permitted", "rtprio 41"),
        ("SCHED_FIFO", {"proc/self/limits": limits(rtprio=51)}, "ok", "--fifo 50", None),
        ("SCHED_FIFO", {"proc/self/limits": limits(rtprio="unlimited")}, "ok", "--fifo 98", None),
        ("SCHED_FIFO", {"proc/self/limits": None}, "advice", "not told", "container"),
        ("SCHED_FIFO", {"proc/self/status": status(1 << Capability.SYS_NICE)}, "ok", "CAP_SYS_NICE", None),
        ("locked memory", {"proc/self/limits": limits(memlock=8388608)}, "advice", "needs 1024 MB", "memlock"),
        ("locked memory", {"proc/self/limits": limits(memlock=2 * 10**9)}, "ok", "2000 MB", None),
        ("locked memory", {"proc/self/limits": None}, "advice", "not told", "container"),
        ("locked memory", {"proc/self/status": status(1 << Capability.IPC_LOCK)}, "ok", "CAP_IPC_LOCK", None),
    ],
)
def test_what_is_found_and_what_to_do(tmp_path, check, changes, level, found, cure):
    finding = examined(make_tree(tmp_path, changes))[check]
    assert finding.level.value == level
    assert found in finding.found
    assert finding.cure is None if cure is None else cure in str(finding.cure)


def test_a_machine_that_chooses_no_frequency_is_in_order(tmp_path):
    tree = make_tree(tmp_path, {f"{CPU}/cpu{core}/cpufreq/scaling_governor": None for core in (0, 1)})
    assert examined(tree)["frequency governor"].level is Level.OK


def test_a_system_that_is_no_linux_is_told_once(tmp_path):
    (finding,) = examine_system(Tree(tmp_path), nothing_runs)
    assert finding.level is Level.ADVICE
    assert "no Linux" in finding.found


def test_damaged_files_are_no_reason_to_fail(tmp_path):
    findings = examined(make_tree(tmp_path, dict.fromkeys(IN_ORDER, "\0 many \n some")))
    assert findings["cores"].found == "not told by this system"
    assert all(finding.cure for finding in findings.values() if finding.level is not Level.OK)


JETSON = {"proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0"}


@pytest.mark.parametrize(
    ("said", "level", "found"),
    [
        ("NV Power Mode: MAXN\n0\n", Level.OK, "MAXN"),
        ("NV Fan Mode:quiet\nNV Power Mode: MODE_30W\n2\n", Level.ADVICE, "MODE_30W"),
        (None, Level.ADVICE, "does not tell"),
    ],
)
def test_a_jetson_has_its_power_mode_and_clocks_examined(tmp_path, said, level, found):
    findings = examined(make_tree(tmp_path, JETSON), lambda command: said if command == ("nvpmodel", "-q") else None)
    assert findings["Jetson power mode"].level is level
    assert findings["Jetson power mode"].found.startswith("NVIDIA Jetson AGX Orin Developer Kit: ")
    assert found in findings["Jetson power mode"].found
    assert "jetson_clocks" in str(findings["Jetson clocks"].cure)


def test_fixed_clocks_of_a_jetson_are_seen_without_root(tmp_path):
    changes = {"etc/nv_tegra_release": "# R36", f"{CPU}/cpu0/cpufreq/scaling_min_freq": "3200000"}
    findings = examined(make_tree(tmp_path, changes))
    assert findings["Jetson clocks"].level is Level.OK
    assert findings["Jetson power mode"].found == "Jetson: nvpmodel does not tell"
