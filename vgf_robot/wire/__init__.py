"""Observations in, actions out, over ZeroMQ; here the client's side, which loads no backend."""

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
