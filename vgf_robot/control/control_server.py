"""The control socket at the end of `serve` and `drive`: one request at a time, between two ticks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol, final

import zmq

from vgf_robot.control.messages import (
    MAX_MESSAGE_BYTES,
    CeilingsRequest,
    ControlRequest,
    InstructRequest,
    ReloadRequest,
    State,
    StatusRequest,
    StopRequest,
    decode_control_request,
)
from vgf_robot.controller import Ceilings
from vgf_robot.errors import BudgetError
from vgf_robot.security import Guard, Role, user_of
from vgf_robot.wire.codec import encode
from vgf_robot.wire.endpoint import bind
from vgf_robot.wire.faults import ErrorKind, RefusedError, forbidden
from vgf_robot.wire.messages import VERSION, ErrorReply, Instruction

# Requests that ZeroMQ keeps per connection and direction; one is answered between two ticks.
HIGH_WATER_MARK = 8
# How long the last reply may take to leave.
LINGER_MS = 200
# How long the connections stay then: whoever asked for the end throws away what it has not read when its own goes.
PARTING_S = 0.1
# A plain number: Python's flags take microseconds for an `&`.
_READABLE = int(zmq.POLLIN)
_INTERNAL = RefusedError(
    ErrorKind.INTERNAL, expected="a state", found="a fault inside", advice="look at the output of the process"
)

_log = logging.getLogger(__name__)


class Controlled(Protocol):
    """What is controlled. Each call is made between two ticks and must be quick."""

    @property
    def ceilings(self) -> Ceilings:
        """What no tick goes beyond."""
        ...

    def set_ceilings(self, ceilings: Ceilings) -> None:
        """Put other ceilings in force, from the next tick on."""
        ...

    def instruct(self, action: Instruction, robot: str | None) -> None:
        """Ask for another state of a robot's engagement, or of every robot's.

        Raises:
            RefusedError: There is none such, or a fault that has to be cleared first.
        """
        ...

    def reload(self) -> None:
        """Have the bundle read again.

        Raises:
            RefusedError: It cannot be.
        """
        ...

    def stop(self) -> None:
        """End after the tick under way."""
        ...

    def state(self, sequence: int) -> State:
        """Return how things stand, as the reply to the request of that number."""
        ...


def control_socket(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    """Return the ROUTER of a control desk, not bound yet.

    Args:
        context: Whose threads move the messages.
        endpoint: Where it will be bound.
    """
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    return socket


@final
class ControlServer:
    """Takes requests, has them carried out and answers them.

    It has a context of its own: its messages take no turn of the acting socket's threads.

    Args:
        controlled: What is controlled.
        endpoint: Checked by `check_bind`.
        tell: Takes a sentence on everything that was changed; must be quick.
        guard: Who may control (the role `control`) and who may ask how things stand (every listed key); whoever has the
            loop calls its `beat`. None lets everybody do everything.

    Attributes:
        endpoint: Where it listens, with the real port.
    """

    def __init__(
        self, controlled: Controlled, *, endpoint: str, tell: Callable[[str], object], guard: Guard | None = None
    ) -> None:
        self._controlled = controlled
        self._tell = tell
        self._guard = guard
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = control_socket(self._context, endpoint)
        self._zap = None if guard is None else guard.zap(self._context)
        if self._zap is not None:
            self._zap.lock(self._socket)
        try:
            self.endpoint = bind(self._socket, endpoint)
        except BaseException:
            self.close()
            raise

    def attend(self) -> None:
        """Answer one request, if there is one; called between two ticks."""
        # Asking what there is costs a third of trying to receive in vain.
        if not int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
            return
        sender = self._socket.recv(zmq.NOBLOCK, copy=False)
        first: bytes = b""
        num_frames = 0
        while self._socket.getsockopt(zmq.RCVMORE):  # one frame is kept of however many there are
            frame = self._socket.recv(zmq.NOBLOCK)
            first = first or frame
            num_frames += 1
        # Whoever asked and does not read has no reply; what was asked for is done.
        reply = self._reply(first, num_frames, user_of(sender))
        self._socket.send_multipart((sender.bytes, encode(reply)), zmq.NOBLOCK)

    def close(self) -> None:
        """Close the socket, giving the last reply a moment to leave."""
        time.sleep(PARTING_S)
        if self._zap is not None:
            self._zap.close()
        self._socket.close(linger=LINGER_MS)
        self._context.term()

    def _reply(self, payload: bytes, num_frames: int, user: str) -> State | ErrorReply:
        request: ControlRequest | None = None
        try:
            request = _read(payload, num_frames)
            role = None if isinstance(request, StatusRequest) else Role.CONTROL
            if self._guard is not None and not self._guard.permits(user, role):
                raise forbidden(role)
            if done := self._carry_out(request):
                self._tell(f"control: {done}{self._by(user)}")
            return self._controlled.state(request.sequence)
        except RefusedError as refusal:
            return _error(refusal, request)
        except BudgetError as error:
            refusal = RefusedError(ErrorKind.BUDGET, expected="ceilings with a meaning", found=str(error).rstrip("."))
            return _error(refusal, request)
        except Exception:  # whatever went wrong here costs one reply, never the robot
            _log.exception("A control request failed; whoever asked was told so.")
            return _error(_INTERNAL, request)

    def _carry_out(self, request: ControlRequest) -> str:
        """Do what is asked for; return what was changed in words, empty where nothing was."""
        controlled = self._controlled
        if isinstance(request, CeilingsRequest):
            controlled.set_ceilings(request.applied_to(controlled.ceilings))
            return _in_words(controlled.ceilings)
        if isinstance(request, InstructRequest):
            controlled.instruct(request.action, request.client)
            return f"{request.action} {'every robot' if request.client is None else repr(request.client)}"
        if isinstance(request, ReloadRequest):
            controlled.reload()
            return "reload"
        if isinstance(request, StopRequest):
            controlled.stop()
            return "stop"
        return ""

    def _by(self, user: str | None) -> str:
        """Return who it was, where keys tell."""
        return "" if self._guard is None else f", by {self._guard.rights.describe(user or '')}"


def _read(payload: bytes, num_frames: int) -> ControlRequest:
    if num_frames != 1:
        raise RefusedError(ErrorKind.TOO_MANY_FRAMES, expected="one frame", found=f"{num_frames} frames")
    return decode_control_request(payload)


def _error(refusal: RefusedError, request: ControlRequest | None) -> ErrorReply:
    return ErrorReply(
        version=VERSION,
        sequence=refusal.sequence if request is None else request.sequence,
        kind=refusal.kind,
        expected=refusal.expected,
        found=refusal.found,
        advice=refusal.advice,
    )


def _in_words(ceilings: Ceilings) -> str:
    named = {
        "max_steps": ceilings.max_steps,
        "step_size": ceilings.step_size,
        "max_distance": ceilings.max_distance,
    }
    shown = ", ".join(f"{name} {value:g}" for name, value in named.items() if value is not None)
    return f"ceilings {shown}" if shown else "no ceilings"
