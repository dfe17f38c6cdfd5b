"""A system that remembers what it was asked for, and refuses what it is told to refuse."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from vgf_robot.realtime import Capability, MemoryLimit

MEGABYTE = 10**6


@dataclass
class FakeSystem:
    is_linux: bool = True
    capabilities: frozenset[Capability] = frozenset()
    soft_bytes: float = 8 * MEGABYTE
    hard_bytes: float = math.inf
    size_bytes: int = 500 * MEGABYTE
    highest_priority: int = 99
    there: frozenset[int] = frozenset({0, 1, 2, 3})
    refuses_to_lock: bool = False
    calls: list[tuple] = field(default_factory=list)
    mine: frozenset[int] = frozenset({0, 1, 2, 3})

    def threads(self) -> Sequence[int]:
        return [100, 101]

    def set_fifo(self, thread: int, priority: int) -> None:
        if priority > self.highest_priority:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self.calls.append(("fifo", thread, priority))

    def set_cores(self, thread: int, cores: frozenset[int]) -> None:
        if not cores & self.there:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if thread == 0:
            self.mine = cores & self.there
        self.calls.append(("cores", thread, cores))

    def cores(self) -> frozenset[int]:
        return self.mine

    def may(self, capability: Capability) -> bool:
        return capability in self.capabilities

    def memory_limit(self) -> MemoryLimit:
        return MemoryLimit(soft_bytes=self.soft_bytes, hard_bytes=self.hard_bytes)

    def raise_memory_limit(self) -> None:
        self.calls.append(("raise limit",))

    def virtual_bytes(self) -> int:
        return self.size_bytes

    def lock_memory(self) -> None:
        if self.refuses_to_lock:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        self.calls.append(("lock",))

    def freeze_garbage(self) -> None:
        self.calls.append(("freeze",))
