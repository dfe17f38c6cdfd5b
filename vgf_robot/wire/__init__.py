"""Observations in, actions out, over ZeroMQ. Offered here: the client's side and the messages, which load no backend.

To read the folder: `messages` is docs/protocol.md in code, with `arrays`, `codec` (bytes), `answer` (commands) and
`faults` (why there is no action). The client is `client` over `question` (what it asks), `conversation` (its side of a
session, with `greeting`) and `channel` (its socket, a `line`); `link` is a robot's loop around it, with a server or
without. The server is `server` (loop) over `router` (its socket, read by `receive_queue`), `dispatcher` (messages, as
`addressed`, to replies or jobs, after `observation_checks`) and `worker` (where the controller runs). Its memory is
`state`: a `session` per client, with its pace (`admission`) and its engagement (`gate`), and the `deadline_queue`. What
it serves is a `served_bundle`, told to clients by `handshake`; `bundle_swap`, `rehearsal` and `reload` put another in
its place. `settings` and `endpoint` set it up.
"""

from vgf_robot.wire.answer import Answer
from vgf_robot.wire.arrays import pack, unpack
from vgf_robot.wire.client import Client
from vgf_robot.wire.codec import decode_reply, decode_request, encode
from vgf_robot.wire.faults import (
    AnswerExpiredError,
    BundleChangedError,
    ErrorKind,
    KeyRefusedError,
    NoServerError,
    RefusedError,
    ServerBusyError,
    ServerFaultError,
)
from vgf_robot.wire.link import LinkAction, RobotLink, Source
from vgf_robot.wire.messages import (
    VERSION,
    Act,
    EngagementReply,
    Expectations,
    ExpectedField,
    Observe,
    ServerTimings,
    Welcome,
)
from vgf_robot.wire.settings import ServeSettings

__all__ = [
    "VERSION",
    "Act",
    "Answer",
    "AnswerExpiredError",
    "BundleChangedError",
    "Client",
    "EngagementReply",
    "ErrorKind",
    "Expectations",
    "ExpectedField",
    "KeyRefusedError",
    "LinkAction",
    "NoServerError",
    "Observe",
    "RefusedError",
    "RobotLink",
    "ServeSettings",
    "ServerBusyError",
    "ServerFaultError",
    "ServerTimings",
    "Source",
    "Welcome",
    "decode_reply",
    "decode_request",
    "encode",
    "pack",
    "unpack",
]
