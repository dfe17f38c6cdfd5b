"""Processor and memory: how many cores, how fast and how busy, and whether memory can go to a disk."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from vgf_robot.doctor.finding import Finding, advice, ok, untold
from vgf_robot.doctor.tree import Tree, whole_number
from vgf_robot.errors import ConfigError
from vgf_robot.realtime import core_list_text, parse_core_list

_FREQUENCY = "sys/devices/system/cpu/cpu[0-9]*/cpufreq"
_ALLOWED = re.compile(r"^Cpus_allowed_list:\s*(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorFacts:
    """What the system says of processor and memory; None where it does not.

    Attributes:
        cores: Those that this process may use.
        governors: What chooses the frequency, one per core; empty where no frequency is to be chosen.
        fixed: Whether every core's lowest frequency is also its highest.
        load: Processes that wanted a core, on average of the last minute.
        swaps: Disks and files that memory can go to.
    """

    cores: tuple[int, ...] | None
    governors: tuple[str, ...]
    fixed: bool
    load: float | None
    swaps: tuple[str, ...]


def read_processor(tree: Tree) -> ProcessorFacts:
    """Read the facts."""
    swaps = (tree.text("proc/swaps") or "").splitlines()[1:]  # the first line is a heading
    lowest = [whole_number(text) for text in tree.texts(f"{_FREQUENCY}/scaling_min_freq")]
    highest = [whole_number(text) for text in tree.texts(f"{_FREQUENCY}/scaling_max_freq")]
    return ProcessorFacts(
        cores=_allowed(tree.text("proc/self/status") or "") or tree.cores("sys/devices/system/cpu/online"),
        governors=tree.texts(f"{_FREQUENCY}/scaling_governor"),
        fixed=bool(lowest) and lowest == highest,
        load=_first_number(tree.text("proc/loadavg") or ""),
        swaps=tuple(line.split()[0] for line in swaps if line.strip()),
    )


def check_governor(facts: ProcessorFacts) -> Finding:
    """Judge whether a core is at speed when a tick begins."""
    check = "frequency governor"
    if not facts.governors:
        return ok(check, "none to be seen: fixed frequency, or a virtual machine that cannot choose it")
    found = ", ".join(f"{name} on {count}" for name, count in sorted(Counter(facts.governors).items()))
    if facts.fixed:
        return ok(check, f"{found}, frequency fixed")
    if set(facts.governors) == {"performance"}:
        return ok(check, found)
    return advice(
        check,
        f"{found}: a core that was idle starts a tick slowly",
        "`sudo cpupower frequency-set -g performance`",
    )


def check_cores(facts: ProcessorFacts) -> Finding:
    """Judge whether the controller can have a core of its own."""
    check = "cores"
    if facts.cores is None:
        return untold(check)
    found = f"{len(facts.cores)} for this process ({core_list_text(facts.cores)})"
    if len(facts.cores) > 1:
        return ok(check, found)
    return advice(check, found, "give the controller a second core, so that the robot's drivers do not share its own")


def check_load(facts: ProcessorFacts) -> Finding:
    """Judge whether others want the cores as well."""
    check, num_cores = "load", len(facts.cores or ()) or 1
    if facts.load is None:
        return untold(check)
    found = f"{facts.load:g} in the last minute, on {num_cores} cores"
    if facts.load < num_cores:
        return ok(check, found)
    return advice(check, found, "stop what is not needed (`top` shows it), or run the server with --fifo and --cores")


def check_swap(facts: ProcessorFacts) -> Finding:
    """Judge whether a page that a tick needs may lie on a disk."""
    check = "swap"
    if not facts.swaps:
        return ok(check, "none")
    return advice(
        check,
        f"{', '.join(facts.swaps)}: memory of the controller can be moved there",
        "`vgf-robot serve --lock-memory`, or `sudo swapoff -a`",
    )


def _allowed(status: str) -> tuple[int, ...] | None:
    match = _ALLOWED.search(status)
    try:
        return None if match is None else parse_core_list(match[1])
    except ConfigError:
        return None


def _first_number(text: str) -> float | None:
    try:
        return float(text.split()[0])
    except (IndexError, ValueError):
        return None
