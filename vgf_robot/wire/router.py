"""The server's socket, with what ZeroMQ does not do unless it is told."""

from __future__ import annotations

import zmq

from vgf_robot.security import HANDSHAKE_MS

# Messages that ZeroMQ keeps per connection and direction.
HIGH_WATER_MARK = 64
HEARTBEAT_MS = 1000
HEARTBEAT_TIMEOUT_MS = 5000


def router(
    context: zmq.Context[zmq.Socket[bytes]], max_message_bytes: int, *, wait_ms: int, ipv6: bool
) -> zmq.Socket[bytes]:
    """Return a ROUTER that is not bound yet.

    Args:
        context: Whose threads move the messages.
        max_message_bytes: The application's cap on a message.
        wait_ms: How long receiving waits.
        ipv6: Whether the endpoint is one.
    """
    socket = context.socket(zmq.ROUTER)
    # Without it a reply to a client that has gone vanishes without a word.
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    # How long the idle loop waits; waiting in `recv` itself wakes up sooner than `poll` and then `recv`.
    socket.setsockopt(zmq.RCVTIMEO, wait_ms)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    # Above the application's cap, so that a message a little too large still gets its error reply; far above, the
    # connection is cut before the bytes are taken.
    socket.setsockopt(zmq.MAXMSGSIZE, 4 * max_message_bytes)
    # Whoever connects and says nothing is cut off, so that connections are not there to be used up.
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.IPV6, int(ipv6))
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    return socket
