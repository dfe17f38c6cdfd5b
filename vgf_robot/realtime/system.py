"""What real time needs of an operating system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Capability(IntEnum):
    """What Linux may permit beyond a user's limits, by its bit in /proc/PID/status."""

    IPC_LOCK = 14
    SYS_NICE = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimit:
    """How much memory the process may lock.

    Attributes:
        soft_bytes: In force; infinity where there is no limit.
        hard_bytes: What the process may raise it to.
    """

    soft_bytes: float
    hard_bytes: float


class System(Protocol):
    """What is asked of the operating system; every method may raise OSError. Thread 0 is the calling one."""

    @property
    def is_linux(self) -> bool:
        """Whether anything but `freeze_garbage` is there."""
        ...

    def threads(self) -> Sequence[int]:
        """Return the numbers of the process's threads."""
        ...

    def set_fifo(self, thread: int, priority: int) -> None:
        """Schedule a thread under SCHED_FIFO."""
        ...

    def set_cores(self, thread: int, cores: frozenset[int]) -> None:
        """Bind a thread to cores."""
        ...

    def cores(self) -> frozenset[int]:
        """Return the cores that the calling thread may use."""
        ...

    def may(self, capability: Capability) -> bool:
        """Return whether the process has a capability."""
        ...

    def memory_limit(self) -> MemoryLimit:
        """Return how much memory may be locked."""
        ...

    def raise_memory_limit(self) -> None:
        """Raise the soft limit to the hard one."""
        ...

    def virtual_bytes(self) -> int:
        """Return the size of the process's address space, which is what locking counts."""
        ...

    def lock_memory(self) -> None:
        """Lock all pages, those there are and those to come."""
        ...

    def freeze_garbage(self) -> None:
        """Keep Python's collector out of ticks."""
        ...
