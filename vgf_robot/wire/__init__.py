"""Observations in, actions out, over ZeroMQ. Offered here: the client's side and the messages, which load no backend.

To read the folder: `messages` is docs/protocol.md in code, with `arrays`, `codec` (bytes), `answer` (commands) and
`faults` (why there is no action). The client is `client` over `question` (what it asks), `conversation` (its side of a
session) and `channel` (its socket). The server is `server` (socket and loop) over `reception` (every message is
checked), `handshake`, `worker` (where the controller runs) and `state`, with `settings` and `endpoint` to set it up.
"""

from vgf_robot.wire.answer import Answer
from vgf_robot.wire.arrays import pack, unpack
from vgf_robot.wire.client import Client
from vgf_robot.wire.codec import decode_reply, decode_request, encode
from vgf_robot.wire.faults import (
    BundleChangedError,
    ErrorKind,
    NoServerError,
    RefusedError,
    ServerBusyError,
    ServerFaultError,
)
from vgf_robot.wire.messages import VERSION, Act, Expectations, ExpectedField, Observe, ServerTimings, Welcome
from vgf_robot.wire.settings import ServeSettings

__all__ = [
    "VERSION",
    "Act",
    "Answer",
    "BundleChangedError",
    "Client",
    "ErrorKind",
    "Expectations",
    "ExpectedField",
    "NoServerError",
    "Observe",
    "RefusedError",
    "ServeSettings",
    "ServerBusyError",
    "ServerFaultError",
    "ServerTimings",
    "Welcome",
    "decode_reply",
    "decode_request",
    "encode",
    "pack",
    "unpack",
]
