"""The operating system under this process."""

from __future__ import annotations

import ctypes
import math
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

from vgf_robot.realtime.garbage import freeze_garbage
from vgf_robot.realtime.system import Capability, MemoryLimit

# As on x86 and ARM; these two differ on PowerPC and SPARC alone.
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-fA-F]+)$", re.MULTILINE)


@final
class ThisSystem:
    """The system that this process runs on."""

    @property
    def is_linux(self) -> bool:
        """See `System`, also for what follows."""
        return sys.platform == "linux"

    def threads(self) -> Sequence[int]:
        """Return the numbers of the process's threads."""
        return [int(path.name) for path in Path("/proc/self/task").iterdir()]

    def set_fifo(self, thread: int, priority: int) -> None:
        """Schedule a thread under SCHED_FIFO; one that has ended meanwhile needs nothing."""
        with suppress(ProcessLookupError):
            # Reset on fork: what this process starts would else inherit a priority that keeps it from ever giving way.
            os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))

    def set_cores(self, thread: int, cores: frozenset[int]) -> None:
        """Bind a thread to cores; one that has ended meanwhile needs nothing."""
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cores)

    def cores(self) -> frozenset[int]:
        """Return the cores that the calling thread may use."""
        return frozenset(os.sched_getaffinity(0))

    def may(self, capability: Capability) -> bool:
        """Return whether the process has a capability."""
        return bool(effective_capabilities(Path("/proc/self/status").read_text()) >> capability & 1)

    def memory_limit(self) -> MemoryLimit:
        """Return how much memory may be locked."""
        import resource  # not there on Windows, where clients run

        soft, hard = (
            math.inf if limit == resource.RLIM_INFINITY else limit
            for limit in resource.getrlimit(resource.RLIMIT_MEMLOCK)
        )
        return MemoryLimit(soft_bytes=soft, hard_bytes=hard)

    def raise_memory_limit(self) -> None:
        """Raise the soft limit to the hard one."""
        import resource

        hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))

    def virtual_bytes(self) -> int:
        """Return the size of the process's address space."""
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def lock_memory(self) -> None:
        """Lock all pages, those there are and those to come."""
        if ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def freeze_garbage(self) -> None:
        """Keep Python's collector out of ticks."""
        freeze_garbage()


def effective_capabilities(status: str) -> int:
    """Return the bits of the effective capabilities in the text of /proc/PID/status; 0 where it says nothing."""
    match = _EFFECTIVE.search(status)
    return int(match[1], 16) if match else 0
