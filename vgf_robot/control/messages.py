"""What an operator says to a running `serve` or `drive`, and what that says of itself; docs/control.md in code.

In form they are messages of the acting socket: msgpack maps with a type, a version and a sequence number. A request
that was carried out is answered with the state after it, every other one with an error.
"""

from __future__ import annotations

from typing import Annotated, Literal, Union

import msgspec

from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller import Ceilings
from vgf_robot.engagement import EngagementState
from vgf_robot.wire.codec import decode
from vgf_robot.wire.messages import Count, ErrorReply, Instruction, Message, Part

MAX_MESSAGE_BYTES = 65536
REQUEST_TYPES = ("status", "reload", "stop", "ceilings", "instruct")
REPLY_TYPES = ("state", "error")

Unset = msgspec.UnsetType
Name = Annotated[str, msgspec.Meta(max_length=128)]


class StatusRequest(Message, frozen=True, tag="status"):
    """Asks how things stand."""

    sequence: Count


class ReloadRequest(Message, frozen=True, tag="reload"):
    """Has a server read its bundle again; the counters `reload.*` say later what became of it."""

    sequence: Count


class StopRequest(Message, frozen=True, tag="stop"):
    """Ends the process as SIGTERM does: the tick under way is finished first."""

    sequence: Count


class CeilingsRequest(Message, frozen=True, tag="ceilings"):
    """Moves ceilings, from the next tick on; a key that is left out leaves its ceiling, null lifts it.

    Attributes:
        sequence: Of this message.
        max_steps: As in `Ceilings`.
        step_size: As in `Ceilings`.
        max_distance: As in `Ceilings`.
    """

    sequence: Count
    max_steps: Count | Unset | None = msgspec.UNSET
    step_size: float | Unset | None = msgspec.UNSET
    max_distance: float | Unset | None = msgspec.UNSET

    def applied_to(self, ceilings: Ceilings) -> Ceilings:
        """Return the ceilings after this request.

        Raises:
            BudgetError: A ceiling without meaning.
        """
        named = {name: getattr(self, name) for name in ("max_steps", "step_size", "max_distance")}
        return msgspec.structs.replace(
            ceilings, **{name: value for name, value in named.items() if value is not msgspec.UNSET}
        )


class InstructRequest(Message, frozen=True, tag="instruct"):
    """Asks for another state of engagement.

    Attributes:
        sequence: Of this message.
        action: `engage` has the next action checked, `disengage` withholds actions, `clear` ends a fault.
        client: Name or id of a server's client; None for all of them, and for the robot of `drive`.
    """

    sequence: Count
    action: Instruction
    client: Name | None = None


class Robot(Part, frozen=True):
    """One robot that is commanded.

    Attributes:
        name: What its client calls itself; `robot` for that of `drive`.
        id: What tells it from others of that name.
        engagement: Where engagement stands; None where the server leaves that to its clients.
        reason: Why it is in a fault, a sentence.
    """

    name: str
    id: str
    engagement: EngagementState | None
    reason: str


class State(Message, frozen=True, tag="state"):
    """How things stand.

    Attributes:
        sequence: Of the request.
        role: Which verb it is.
        bundle: Name of the bundle.
        bundle_sha256: Its hash.
        control_period_s: The bundle's.
        sealed: The bundle's own setting.
        ceilings: What no tick goes beyond.
        point: What a request runs at that asks for nothing of its own, ceilings included.
        reference_ns: What the controller takes a draw of the reference to cost; None while that is not known.
        step_ns: Likewise one transport step.
        select_ns: Likewise a selection.
        margin_ns: Time that is kept free before the deadline when a step is started.
        counters: What has happened since the start.
        robots: Those that are commanded.
    """

    sequence: Count
    role: Literal["serve", "drive"]
    bundle: str
    bundle_sha256: str
    control_period_s: float
    sealed: OperatingPoint
    ceilings: Ceilings
    point: OperatingPoint
    reference_ns: int | None
    step_ns: int | None
    select_ns: int | None
    margin_ns: float
    counters: dict[str, int]
    robots: tuple[Robot, ...]


# msgspec reads unions at run time, where Python 3.10 knows `X | Y` of classes too; Union keeps them aliases.
ControlRequest = Union[StatusRequest, ReloadRequest, StopRequest, CeilingsRequest, InstructRequest]  # noqa: UP007
ControlReply = Union[State, ErrorReply]  # noqa: UP007

_requests = msgspec.msgpack.Decoder(ControlRequest)
_replies = msgspec.msgpack.Decoder(ControlReply)


def decode_control_request(payload: bytes) -> ControlRequest:
    """Return what an operator said.

    Raises:
        RefusedError: Not msgpack, an unknown type, another version, a missing or unknown key, or a value out of range.
    """
    return decode(payload, _requests, REQUEST_TYPES)  # pyright: ignore[reportArgumentType, reportReturnType]


def decode_control_reply(payload: bytes) -> ControlReply:
    """Return what the other end said.

    Raises:
        RefusedError: As for `decode_control_request`.
    """
    return decode(payload, _replies, REPLY_TYPES)  # pyright: ignore[reportArgumentType, reportReturnType]
