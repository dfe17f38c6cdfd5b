"""Observations in, actions out, over ZeroMQ; here the client's side, which loads no backend."""

from vgf_robot.wire.answer import Answer
from vgf_robot.wire.client import Client
from vgf_robot.wire.faults import BundleChangedError, NoServerError, ServerBusyError, ServerFaultError
from vgf_robot.wire.messages import Expectations, ExpectedField
from vgf_robot.wire.refusal import ErrorKind, RefusedError

__all__ = [
    "Answer",
    "BundleChangedError",
    "Client",
    "ErrorKind",
    "Expectations",
    "ExpectedField",
    "NoServerError",
    "RefusedError",
    "ServerBusyError",
    "ServerFaultError",
]
