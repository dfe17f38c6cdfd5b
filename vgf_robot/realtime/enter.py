"""Putting the settings in force, in the order that works."""

from __future__ import annotations

from vgf_robot.errors import MachineError
from vgf_robot.realtime.core_list import core_list_text
from vgf_robot.realtime.memory import lock_memory
from vgf_robot.realtime.scheduling import bind_to_cores, raise_priority
from vgf_robot.realtime.settings import RealTimeSettings
from vgf_robot.realtime.system import System
from vgf_robot.realtime.this_system import ThisSystem


def enter(settings: RealTimeSettings, system: System | None = None) -> str:
    """Put the settings in force for this process, and return in words what is in force.

    Call it after `Controller.open`: loading graphs is long work that should not run at a high priority, and the
    backend's threads have to be there to get it. Call it before a ZeroMQ context has sockets, whose threads
    `schedule_io_threads` sets up. It is for a process that does little else: all of its threads are raised and bound.

    Args:
        settings: What the user asked for.
        system: What is called; this machine's where not given.

    Raises:
        MachineError: The system does not permit what was asked for, with how to get it.
        ConfigError: The cores are not there.
    """
    system = ThisSystem() if system is None else system
    _require_linux(settings, system)
    if settings.freeze_garbage:
        system.freeze_garbage()
    if settings.lock_memory:
        lock_memory(system)
    if settings.cores is not None:
        bind_to_cores(settings.cores, system)
    if settings.fifo_priority is not None:  # last: whatever fails before it fails at an ordinary priority
        raise_priority(settings.fifo_priority, system)
    return in_words(settings)


def in_words(settings: RealTimeSettings) -> str:
    """Return settings that are in force as one line."""
    return ", ".join(
        (
            "ordinary priority" if settings.fifo_priority is None else f"SCHED_FIFO {settings.fifo_priority}",
            "any core" if settings.cores is None else f"cores {core_list_text(settings.cores)}",
            "memory locked" if settings.lock_memory else "memory not locked",
            "garbage frozen" if settings.freeze_garbage else "garbage collected as usual",
        )
    )


def _require_linux(settings: RealTimeSettings, system: System) -> None:
    if system.is_linux or not (settings.lock_memory or settings.cores or settings.fifo_priority):
        return
    raise MachineError(
        "Priority, cores and locked memory can be set on Linux only, which this is not; leave out --fifo, --cores and "
        "--lock-memory."
    )
