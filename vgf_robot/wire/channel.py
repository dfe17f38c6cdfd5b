"""One DEALER socket that knows whether anybody is at the other end."""

from __future__ import annotations

from collections.abc import Callable

import zmq

from vgf_robot.errors import ProtocolError
from vgf_robot.security import ClientKeys
from vgf_robot.wire.faults import KeyRefusedError
from vgf_robot.wire.line import Line

# Messages that ZeroMQ keeps per direction; one request is outstanding at a time.
HIGH_WATER_MARK = 16
# How often a waiting client looks whether the server is still there.
LOOK_NS = 20_000_000
# How long closing waits at most for a message that is on its way to a live connection.
LINGER_MS = 100
_OPTIONS: dict[int, int | bytes] = {
    # Queue for completed connections only: what was meant for a dead server is not delivered to its successor, and
    # "writable" means "connected".
    zmq.IMMEDIATE: 1,
    zmq.SNDHWM: HIGH_WATER_MARK,
    zmq.RCVHWM: HIGH_WATER_MARK,
    zmq.RECONNECT_IVL: 20,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
}
# Plain numbers: Python's flags take microseconds for an `&`.
_READY_TO_SEND = int(zmq.POLLOUT)


class Channel:
    """Sends and receives payloads; never blocks longer than it is told.

    Args:
        endpoint: `tcp://HOST:PORT` or `ipc://PATH`.
        clock: Monotonic nanoseconds.
        keys: The client's, and the one server's; None to talk to a server without.

    Raises:
        ConfigError: ZeroMQ does not understand the endpoint.
    """

    def __init__(self, endpoint: str, clock: Callable[[], int], keys: ClientKeys | None = None) -> None:
        self._clock = clock
        self._line = Line(endpoint, kind=zmq.DEALER, options=_OPTIONS, keys=keys, clock=clock)

    @property
    def connected(self) -> bool:
        """Whether a message sent now goes to a live connection."""
        return bool(int(self._socket().getsockopt(zmq.EVENTS)) & _READY_TO_SEND)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._line.closed

    def send(self, payload: bytes) -> bool:
        """Send at once, or return False where nobody is connected."""
        try:
            self._socket().send(payload, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self, until_ns: int) -> bytes | None:
        """Return the next payload, or None after a short while so that the caller can look at the connection.

        Args:
            until_ns: Never wait beyond this time.
        """
        payload = self._line.receive(self._wait_ms(until_ns))
        if payload is None and not self.connected:
            self._line.look()
        return payload

    def wait_connected(self, until_ns: int) -> bool:
        """Wait for a connection, and return whether there is one."""
        while not (connected := bool(self._socket().poll(self._wait_ms(until_ns), zmq.POLLOUT))):
            self._line.look()
            if self._clock() >= until_ns:
                break
        return connected

    def refusal(self, waited_s: float) -> KeyRefusedError | None:
        """Return that whoever is there turns this client away; None where nobody is there, or nobody does.

        Args:
            waited_s: How long it has tried, for the sentence.
        """
        return None if self.connected else self._line.refusal(waited_s)

    def close(self) -> None:
        """Close the socket, giving a last message the moment it needs to leave; a second time does nothing."""
        self._line.close(LINGER_MS)

    def _socket(self) -> zmq.Socket[bytes]:
        if self.closed:
            raise ProtocolError("This client is closed: expected nothing more to be asked of it; make another one.")
        return self._line.socket

    def _wait_ms(self, until_ns: int) -> int:
        left_ns = max(0, min(LOOK_NS, until_ns - self._clock()))
        # Rounded up: a wait of 0 ms in the last millisecond would spin.
        return -(-left_ns // 1_000_000)
