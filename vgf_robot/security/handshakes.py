"""Why a client is not let in, as far as its own end can see."""

from __future__ import annotations

import itertools
from enum import Enum
from types import TracebackType
from typing import final

import zmq

_MISMATCH = int(zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
_PROTOCOL = int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
# A connection alone says that somebody is there; ZeroMQ's servers let a key that they refuse wait until time is up.
_EVENTS = int(zmq.EVENT_CONNECTED | _PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
# A client tries fifty times a second; what is more than this says nothing new.
_MOST = 256

_numbers = itertools.count()


class Turned(Enum):
    """How a handshake ended."""

    NOT_LET_IN = "not let in"  # the key is not listed, or the server has another key than the client believes
    MISMATCH = "mismatch"  # one end has keys and the other has none, or speaks something else


@final
class HandshakeWatch:
    """Watches a client's socket for as long as it waits; what nobody reads afterwards would pile up.

    Usage:
        with HandshakeWatch(context, socket) as watch:
            connected = socket.poll(1000, zmq.POLLOUT)
            why = watch.turned()

    Args:
        context: The socket's.
        socket: Not connected.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._found: set[Turned] = set()
        address = f"inproc://vgf-robot.handshakes.{next(_numbers)}"
        socket.monitor(address, _EVENTS)
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)
        self._monitor.connect(address)

    def turned(self) -> Turned | None:
        """Return how handshakes have failed since the watch began; None where nobody was there to shake hands with."""
        for _ in range(_MOST):
            try:
                fact = self._monitor.recv_multipart(zmq.NOBLOCK)[0]
            except zmq.Again:
                break
            event, value = int.from_bytes(fact[:2], "little"), int.from_bytes(fact[2:6], "little")
            mismatch = (event, value) == (_PROTOCOL, _MISMATCH)
            self._found.add(Turned.MISMATCH if mismatch else Turned.NOT_LET_IN)
        # The other end may find the mismatch first, and hang up.
        return Turned.MISMATCH if Turned.MISMATCH in self._found else next(iter(self._found), None)

    def __enter__(self) -> HandshakeWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
