"""What a user may ask of the operating system for the process that runs the controller."""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_PRIORITY = 98

Core = Annotated[int, msgspec.Meta(ge=0)]
# One below the highest there is, since ZeroMQ's I/O threads get one more.
Priority = Annotated[int, msgspec.Meta(ge=1, le=MAX_PRIORITY)]


class RealTimeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the process is scheduled and kept in memory; docs/realtime.md says what each is worth.

    Attributes:
        lock_memory: Keep every page of the process in RAM, present and future.
        freeze_garbage: Leave what lives for good out of Python's garbage collection, and collect rarely.
        fifo_priority: SCHED_FIFO priority of the process, 1 to 98; None leaves it an ordinary one. ZeroMQ's I/O threads
            get one more.
        cores: The cores that the process may use; None leaves that to the system.
        keep_warm_s: Where nothing is asked for so long, in seconds, a tick is run for nobody; None for never.
    """

    lock_memory: bool = False
    freeze_garbage: bool = True
    fifo_priority: Priority | None = None
    cores: Annotated[tuple[Core, ...], msgspec.Meta(min_length=1)] | None = None
    keep_warm_s: Annotated[float, msgspec.Meta(gt=0)] | None = 1.0
