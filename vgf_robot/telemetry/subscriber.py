"""Hears what a controller tells, and knows what it has not heard."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import final

import zmq

from vgf_robot.errors import ProtocolError
from vgf_robot.security import ClientKeys
from vgf_robot.telemetry.codec import decode
from vgf_robot.telemetry.records import Stamped
from vgf_robot.telemetry.sockets import SUBSCRIBING
from vgf_robot.wire.line import Line


@final
class Subscriber:
    """Receives records from one publisher, through its restarts; one that is not there yet is waited for.

    Args:
        endpoint: The publisher's: `tcp://HOST:PORT` or `ipc://PATH`.
        keys: For a publisher that was given keys; theirs has to have the role `observe`.
        tell: Takes each new complaint.
        clock: Monotonic nanoseconds.

    Attributes:
        counters: `received`, `dropped` (published and not received, since the first that was), `restarts` of the
            publisher, and `unreadable`.
        complaint: Why nothing is heard: whoever is there turns this end away, or the last record cannot be read; a
            sentence, empty while nothing is wrong.
        turned_away: Whether whoever is there does.

    Raises:
        ConfigError: ZeroMQ does not understand the endpoint.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        keys: ClientKeys | None = None,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.complaint = ""
        self._run: int | None = None
        self._next_number = 0
        self._clock = clock
        self._heard_ns = clock()
        self._tell = tell
        self._told = ""
        self.turned_away = False
        self._line = Line(endpoint, kind=zmq.SUB, options=SUBSCRIBING, keys=keys, clock=clock)

    def receive(self, wait_ms: int = 0) -> Stamped | None:
        """Return the next record, or None where none came in time or the one that came cannot be read.

        Args:
            wait_ms: How long to wait, 0 or more.
        """
        payload = self._line.receive(wait_ms)
        if payload is None:
            self._look()
            return None
        self._heard_ns = self._clock()
        try:
            stamped = decode(payload)
        except ProtocolError as error:
            self.counters["unreadable"] += 1
            self._complain(str(error))
            return None
        self.complaint = ""
        self._count(stamped)
        return stamped

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        self._line.close()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self) -> None:
        """Note, once, where whoever is there turns this end away."""
        refusal = self._line.refusal((self._clock() - self._heard_ns) / 1e9)
        if refusal is not None and not self.turned_away:
            self._complain(str(refusal))
        self.turned_away = refusal is not None

    def _complain(self, complaint: str) -> None:
        """Say what is wrong, once where the same is wrong again and again."""
        self.complaint = complaint
        if complaint != self._told:
            self._told = complaint
            self._tell(complaint)

    def _count(self, stamped: Stamped) -> None:
        self.counters["received"] += 1
        if stamped.run != self._run:
            self.counters["restarts"] += self._run is not None
        else:
            self.counters["dropped"] += max(0, stamped.number - self._next_number)
        self._run, self._next_number = stamped.run, stamped.number + 1
