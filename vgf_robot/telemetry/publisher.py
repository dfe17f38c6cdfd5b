"""Tells whoever listens what happens, and never keeps the control loop waiting."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable
from types import TracebackType
from typing import final

import zmq

from vgf_robot.security import Guard, Role, ZapHandler
from vgf_robot.telemetry.codec import encode
from vgf_robot.telemetry.records import VERSION, Record, Stamped
from vgf_robot.telemetry.sockets import publishing
from vgf_robot.wire.endpoint import bind

# How long the last records may take to leave when the publisher closes.
LINGER_MS = 300
# A fault that repeats at every tick must not fill the log.
MAX_LOGGED_FAULTS = 3
# Small enough that every program that reads JSON keeps it exact.
_RUN_BITS = 53

_log = logging.getLogger(__name__)


@final
class Publisher:
    """Publishes records on a socket of its own; a subscriber that is too slow loses records, nobody waits for it.

    Args:
        endpoint: Checked by `check_bind`; None publishes nowhere, and no record is made.
        guard: Who may read (the role `observe`); whoever has the loop calls its `beat`. None lets everybody read.
        clock: Monotonic nanoseconds, the clock of the records.
        wall_clock: Nanoseconds since 1970.

    Attributes:
        endpoint: Where subscribers connect to, with the real port; None as above.
        published: Records handed to ZeroMQ.
        failed: Records that could not be made or encoded, a fault of this program.
    """

    def __init__(
        self,
        endpoint: str | None,
        *,
        guard: Guard | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.endpoint: str | None = None
        self.published = 0
        self.failed = 0
        self._clock = clock
        self._wall_clock = wall_clock
        self._run = secrets.randbits(_RUN_BITS)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._zap: ZapHandler | None = None
        if endpoint is not None:
            self._open(endpoint, guard)

    def publish(self, make: Callable[[], Record]) -> None:
        """Make a record and publish it; whatever goes wrong is counted and logged, never raised.

        Args:
            make: Returns the record.
        """
        if self._socket is None:
            return
        try:
            stamped = Stamped(
                version=VERSION,
                run=self._run,
                number=self.published,
                wall_ns=self._wall_clock(),
                monotonic_ns=self._clock(),
                record=make(),
            )
            self._socket.send(encode(stamped), zmq.NOBLOCK)
            self.published += 1
        except Exception:  # a record is not worth a robot's tick
            self.failed += 1
            if self.failed <= MAX_LOGGED_FAULTS:
                _log.exception("A record of telemetry was not published; the control loop goes on.")

    def close(self) -> None:
        """Close the socket, giving the last records a moment to leave."""
        if self._zap is not None:
            self._zap.close()
        if self._socket is not None:
            self._socket.close(linger=LINGER_MS)
        self._context.term()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, endpoint: str, guard: Guard | None) -> None:
        if hasattr(os, "SCHED_OTHER"):
            # Threads inherit a real-time priority; this one can wait until the control loop sleeps.
            self._context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_OTHER)
        self._socket = publishing(self._context, endpoint)
        if guard is not None:
            self._zap = guard.zap(self._context)
            self._zap.lock(self._socket, at_handshake=Role.OBSERVE)
        try:
            self.endpoint = bind(self._socket, endpoint)
        except BaseException:
            self.close()
            raise
