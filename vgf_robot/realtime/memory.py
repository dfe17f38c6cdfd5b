"""Locking memory, only where it cannot make a later allocation fail."""

from __future__ import annotations

from vgf_robot.errors import MachineError
from vgf_robot.realtime.system import Capability, System

# Locking counts the whole address space against the limit, and every allocation after it: a limit that the process
# only just fits would make a later one fail. A server that is warm grows little, so as much again is enough.
_ROOM = 2

HOW_TO_LOCK = (
    "add the line `USER - memlock unlimited` to /etc/security/limits.conf and log in again, "
    "or LimitMEMLOCK=infinity to the systemd unit"
)


def lock_memory(system: System) -> None:
    """Lock all memory of the process, present and future.

    Raises:
        MachineError: The limit is too small, so that nothing was locked, or the system refused.
    """
    if not system.may(Capability.IPC_LOCK):
        _make_room(system)
    try:
        system.lock_memory()
    except OSError as error:
        raise MachineError(f"Memory cannot be locked ({error.strerror}); {HOW_TO_LOCK}.") from error


def bytes_to_lock(virtual_bytes: int) -> int:
    """Return the limit with which a process of this address space can lock its memory."""
    return _ROOM * virtual_bytes


def _make_room(system: System) -> None:
    limit, needed = system.memory_limit(), bytes_to_lock(system.virtual_bytes())
    if limit.soft_bytes >= needed:
        return
    if limit.hard_bytes < needed:
        raise MachineError(
            f"Memory cannot be locked: expected a limit of {needed / 1e6:.0f} MB or more, twice the address space of "
            f"this process, found {limit.hard_bytes / 1e6:.0f} MB, with which later allocations would fail; "
            f"{HOW_TO_LOCK}."
        )
    system.raise_memory_limit()
