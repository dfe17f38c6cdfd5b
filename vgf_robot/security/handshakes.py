"""Why a client is not let in, as far as its own end can see."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from enum import Enum
from types import TracebackType
from typing import final

import zmq

_MISMATCH = int(zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
_PROTOCOL = int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_SUCCEEDED = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
# A connection alone says that somebody is there; ZeroMQ's servers let a key that they refuse wait until time is up.
_EVENTS = int(
    zmq.EVENT_CONNECTED
    | _SUCCEEDED
    | _PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
# A client tries fifty times a second; what is more than this says nothing new.
_MOST = 256
# A handshake that began less than this ago may still be under way.
_UNDER_WAY_NS = 100_000_000
# Whoever turned a client away longer ago than this, and not again, may be gone. A refused key waits two seconds.
_FORGOTTEN_NS = 5_000_000_000

_numbers = itertools.count()


class Turned(Enum):
    """How a handshake ended."""

    NOT_LET_IN = "not let in"  # the key is not listed, or the server has another key than the client believes
    MISMATCH = "mismatch"  # one end has keys and the other has none, or speaks something else


@final
class HandshakeWatch:
    """Watches the handshakes of a client's socket. Nothing is noted on a connection that stands.

    Args:
        context: The socket's.
        socket: Not connected yet.
        clock: Monotonic nanoseconds.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._mismatched = False
        self._first_ns: int | None = None  # the first sign of somebody since the last handshake that was done
        self._last_ns = 0
        address = f"inproc://vgf-robot.handshakes.{next(_numbers)}"
        socket.monitor(address, _EVENTS)
        self._monitor = context.socket(zmq.PAIR)
        # Without a bound: a full queue would stop ZeroMQ's own thread.
        self._monitor.setsockopt(zmq.RCVHWM, 0)
        self._monitor.connect(address)

    def turned(self) -> Turned | None:
        """Return how the client is turned away.

        None where nobody is there to shake hands with, where that is still under way, and once it was done.
        """
        now_ns = self._clock()
        for event, value in self._events():
            if event == _SUCCEEDED:
                self._first_ns, self._mismatched = None, False
                continue
            # The other end may find a mismatch first, and hang up: what this end found stays found.
            self._mismatched = self._mismatched or (event, value) == (_PROTOCOL, _MISMATCH)
            self._first_ns = now_ns if self._first_ns is None else self._first_ns
            self._last_ns = now_ns
        if self._first_ns is None or now_ns - self._last_ns > _FORGOTTEN_NS:
            self._first_ns, self._mismatched = None, False
            return None
        if self._mismatched:
            return Turned.MISMATCH
        return Turned.NOT_LET_IN if now_ns - self._first_ns >= _UNDER_WAY_NS else None

    def close(self) -> None:
        """Watch no longer; before the socket is closed."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)

    def __enter__(self) -> HandshakeWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _events(self) -> Iterator[tuple[int, int]]:
        for _ in range(_MOST):
            try:
                fact = self._monitor.recv_multipart(zmq.NOBLOCK)[0]
            except zmq.Again:
                return
            yield int.from_bytes(fact[:2], "little"), int.from_bytes(fact[2:6], "little")
