"""What the system lets this user do: raise a priority, lock memory."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from vgf_robot.doctor.finding import Finding, advice, ok, untold
from vgf_robot.doctor.tree import Tree
from vgf_robot.realtime import (
    HOW_TO_LOCK,
    MAX_PRIORITY,
    Capability,
    bytes_to_lock,
    effective_capabilities,
    how_to_get_priority,
    io_priority,
)

# In the middle of what there is; what the kernel does for its devices has 50 where it is built with PREEMPT_RT.
EXAMPLE_PRIORITY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionFacts:
    """Limits and capabilities of this process; None where the system does not tell.

    Attributes:
        memlock_bytes: Memory it may lock, after raising its soft limit to the hard one; infinity for no limit.
        virtual_bytes: The address space that it has now.
        rtprio: The highest SCHED_FIFO priority that its limit allows.
        capabilities: What it may do beyond its limits, in bits.
    """

    memlock_bytes: float | None
    virtual_bytes: int | None
    rtprio: float | None
    capabilities: int

    def may(self, capability: Capability) -> bool:
        """Return whether the process has a capability."""
        return bool(self.capabilities >> capability & 1)


def read_permissions(tree: Tree) -> PermissionFacts:
    """Read the facts."""
    limits, status = tree.text("proc/self/limits") or "", tree.text("proc/self/status") or ""
    memlock, rtprio = _limit(limits, "Max locked memory"), _limit(limits, "Max realtime priority")
    return PermissionFacts(
        memlock_bytes=memlock and memlock[1],
        virtual_bytes=_kilobytes(status, "VmSize"),
        rtprio=rtprio and rtprio[0],
        capabilities=effective_capabilities(status),
    )


def check_memlock(facts: PermissionFacts) -> Finding:
    """Judge whether `--lock-memory` would be permitted."""
    check = "locked memory"
    if facts.may(Capability.IPC_LOCK):
        return ok(check, "permitted (CAP_IPC_LOCK)")
    if facts.memlock_bytes is None or facts.virtual_bytes is None:
        return untold(check)
    if math.isinf(facts.memlock_bytes):
        return ok(check, "permitted (no limit)")
    needed = bytes_to_lock(facts.virtual_bytes)
    found = f"limited to {facts.memlock_bytes / 1e6:.0f} MB; a server needs {needed / 1e6:.0f} MB"
    return ok(check, found) if facts.memlock_bytes >= needed else advice(check, found, HOW_TO_LOCK)


def check_fifo(facts: PermissionFacts) -> Finding:
    """Judge whether `--fifo` would be permitted."""
    check = "SCHED_FIFO"
    if facts.may(Capability.SYS_NICE):
        return ok(check, "permitted (CAP_SYS_NICE)")
    if facts.rtprio is None:
        return untold(check)
    if facts.rtprio >= io_priority(1):
        highest = min(facts.rtprio - 1, MAX_PRIORITY)
        return ok(check, f"permitted up to `--fifo {highest:g}` (rtprio limit {facts.rtprio:g})")
    return advice(check, f"not permitted (rtprio limit {facts.rtprio:g})", how_to_get_priority(EXAMPLE_PRIORITY))


def _limit(limits: str, name: str) -> tuple[float, float] | None:
    """Return soft and hard limit from the text of /proc/PID/limits."""
    match = re.search(rf"^{name}\s+(\d+|unlimited)\s+(\d+|unlimited)\b", limits, re.MULTILINE)
    if match is None:
        return None
    soft, hard = (math.inf if text == "unlimited" else float(text) for text in match.groups())
    return soft, hard


def _kilobytes(status: str, name: str) -> int | None:
    """Return in bytes what /proc/PID/status says in kB."""
    match = re.search(rf"^{name}:\s*(\d+) kB$", status, re.MULTILINE)
    return None if match is None else 1024 * int(match[1])
