"""Hears what a controller tells, and knows what it has not heard."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import final

import zmq

from vgf_robot.errors import ConfigError, ProtocolError
from vgf_robot.security import ClientKeys, curve_client
from vgf_robot.telemetry.codec import decode
from vgf_robot.telemetry.records import Stamped
from vgf_robot.telemetry.sockets import subscribing


@final
class Subscriber:
    """Receives records from one publisher, through its restarts; one that is not there yet is waited for.

    Args:
        endpoint: The publisher's: `tcp://HOST:PORT` or `ipc://PATH`.
        keys: For a publisher that was given keys; theirs has to have the role `observe`.

    Attributes:
        counters: `received`, `dropped` (published and not received, since the first that was), `restarts` of the
            publisher, and `unreadable`.
        complaint: What was wrong with the last unreadable record, a sentence; empty where there was none.

    Raises:
        ConfigError: ZeroMQ does not understand the endpoint.
    """

    def __init__(self, endpoint: str, *, keys: ClientKeys | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self.complaint = ""
        self._run: int | None = None
        self._next_number = 0
        self._wait_ms: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = subscribing(self._context)
        curve_client(self._socket, keys)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(
                f"'{endpoint}' is no endpoint to connect to: {error}; expected tcp://HOST:PORT or ipc://PATH."
            ) from error

    def receive(self, wait_ms: int = 0) -> Stamped | None:
        """Return the next record, or None where none came in time or the one that came cannot be read.

        Args:
            wait_ms: How long to wait, 0 or more.
        """
        if wait_ms != self._wait_ms:
            self._socket.setsockopt(zmq.RCVTIMEO, wait_ms)
            self._wait_ms = wait_ms
        try:
            payload = self._socket.recv()
            while self._socket.getsockopt(zmq.RCVMORE):
                payload = self._socket.recv()
        except zmq.Again:
            return None
        try:
            stamped = decode(payload)
        except ProtocolError as error:
            self.counters["unreadable"] += 1
            self.complaint = str(error)
            return None
        self._count(stamped)
        return stamped

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _count(self, stamped: Stamped) -> None:
        self.counters["received"] += 1
        if stamped.run != self._run:
            self.counters["restarts"] += self._run is not None
        else:
            self.counters["dropped"] += max(0, stamped.number - self._next_number)
        self._run, self._next_number = stamped.run, stamped.number + 1
