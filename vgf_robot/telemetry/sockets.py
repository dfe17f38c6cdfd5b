"""The two sockets of telemetry, with what ZeroMQ does not do unless it is told."""

from __future__ import annotations

import zmq

# Records that ZeroMQ keeps for a slow subscriber, at either end: 8 s of a 500 Hz loop, 10 MB at most.
HIGH_WATER_MARK = 4096
MAX_MESSAGE_BYTES = 1_000_000
# Of a SUB to everything.
SUBSCRIBING: dict[int, int | bytes] = {
    zmq.RCVHWM: HIGH_WATER_MARK,
    zmq.MAXMSGSIZE: MAX_MESSAGE_BYTES,
    zmq.SUBSCRIBE: b"",
}


def publishing(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """Return a PUB that is not bound yet.

    Args:
        context: Whose thread moves the records.
        endpoint: Where it will be bound.
    """
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    # Subscribers say what they want in a few bytes, and nothing else is expected of them.
    socket.setsockopt(zmq.MAXMSGSIZE, 1024)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    return socket
