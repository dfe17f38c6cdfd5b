"""Priority and cores of the process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.realtime.core_list import core_list_text
from vgf_robot.realtime.system import System


def io_priority(priority: int) -> int:
    """Return the priority of the threads that move messages, for a process of this priority.

    One more: their work is short, and a message that had to wait for the tick on its core would be stamped late.
    """
    return priority + 1


def raise_priority(priority: int, system: System) -> None:
    """Put every thread of the process under SCHED_FIFO: the calling one, and the backend's, which it waits for.

    Raises:
        MachineError: The system does not permit it; nothing has changed then.
    """
    try:
        # ZeroMQ ends the whole process where it may not have its own priority, so this one asks for it first.
        system.set_fifo(0, io_priority(priority))
    except OSError as error:
        raise MachineError(
            f"SCHED_FIFO priority {priority} is not permitted ({error.strerror}); {how_to_get_priority(priority)}."
        ) from error
    for thread in (0, *system.threads()):
        system.set_fifo(thread, priority)


def how_to_get_priority(priority: int) -> str:
    """Return how to be permitted a priority."""
    needed = io_priority(priority)
    return (
        f"add the line `USER - rtprio {needed}` to /etc/security/limits.conf and log in again, or "
        f"LimitRTPRIO={needed} to the systemd unit, or run "
        f"`sudo setcap cap_sys_nice,cap_ipc_lock+ep {Path(sys.executable).resolve()}`, or run it with sudo"
    )


def bind_to_cores(cores: Sequence[int], system: System) -> None:
    """Bind every thread of the process to cores.

    Raises:
        ConfigError: The process cannot have one of them; nothing has changed then.
    """
    wanted, before = frozenset(cores), system.cores()
    try:
        system.set_cores(0, wanted)
        found = system.cores()  # Linux leaves out without a word what is not there or not allowed
    except OSError:
        found = frozenset[int]()
    if found != wanted:
        system.set_cores(0, before)
        raise ConfigError(
            f"cores: expected cores that this process may use, found {core_list_text(wanted - found)} among them; it "
            f"runs on {core_list_text(before)}."
        )
    for thread in system.threads():
        system.set_cores(thread, wanted)
