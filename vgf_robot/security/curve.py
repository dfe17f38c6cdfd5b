"""Keys on a socket, and whose key a message came with."""

from __future__ import annotations

import zmq

from vgf_robot.security.keys import ClientKeys, ServerKeys
from vgf_robot.security.rights import Role

# A peer that has not shaken hands by then is cut off; one whose key was refused tries again after it.
HANDSHAKE_MS = 2000
# The domain of sockets that admit every key of the list, and ask message by message what it may do.
ANY_ROLE = "any"


def curve_server(socket: zmq.Socket[bytes], keys: ServerKeys | None, *, at_handshake: Role | None = None) -> None:
    """Have a socket that will be bound talk to listed keys alone; does nothing without keys.

    Nobody gets in unless a `ZapHandler` of the same context answers the handshake.

    Args:
        socket: Before its bind.
        keys: The server's own.
        at_handshake: The role without which nobody connects, for sockets that are only read from (PUB) or otherwise
            cannot answer; None admits every listed key, and the messages' own check decides.
    """
    if keys is None:
        return
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.pair.secret.encode())
    socket.setsockopt(zmq.ZAP_DOMAIN, (ANY_ROLE if at_handshake is None else at_handshake.value).encode())
    # Without it ZeroMQ lets every key in where nobody answers the handshake.
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)


def curve_client(socket: zmq.Socket[bytes], keys: ClientKeys | None) -> None:
    """Have a socket that will be connected show its key, and accept the one server; does nothing without keys.

    Args:
        socket: Before its connect.
        keys: The client's.
    """
    if keys is None:
        return
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.pair.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.pair.secret.encode())
    socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server.encode())


def user_of(frame: zmq.Frame) -> str:
    """Return whose key a frame came with: the peer's public key, or nothing where it showed none.

    Args:
        frame: Received with `copy=False`; any frame of the message, a ROUTER's routing id included.
    """
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""
