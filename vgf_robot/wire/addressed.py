"""What comes in at a server, and what goes out."""

from __future__ import annotations

import msgspec

from vgf_robot.wire.messages import Reply
from vgf_robot.wire.served_tick import ServedTick


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came off the socket.

    Attributes:
        address: Where replies go: the connection's routing id.
        identity: What state hangs on: the routing id, or where there are keys the authenticated user.
        frames: The first frames after the routing id.
        num_frames: How many there were in all.
        arrived_ns: When it was taken off the socket.
        user: The public key that its sender showed; None at a server without keys.
        excess: Whether it is one more than its sender may send at a time.
    """

    address: bytes
    identity: bytes
    frames: tuple[bytes, ...]
    num_frames: int
    arrived_ns: int
    user: str | None = None
    excess: bool = False


class OutgoingReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply on its way.

    Attributes:
        address: Where it goes.
        identity: Whose it is.
        message: What is sent.
        deadline_ns: When it is due; None where nothing was promised.
        served: How it came about, where it took a tick.
    """

    address: bytes
    identity: bytes
    message: Reply
    deadline_ns: int | None = None
    served: ServedTick | None = None
