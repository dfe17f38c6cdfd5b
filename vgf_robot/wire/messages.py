"""The messages: msgpack maps with a type, a version and a sequence number; docs/protocol.md in code.

Every key without a default is required. A server refuses an unknown key, a client ignores it (docs/compatibility.md).
A client speaks first; every reply carries the sequence number of the request it answers.
"""

from __future__ import annotations

from typing import Annotated, Literal, Union

import msgspec

from vgf_robot.bundle import ActionKind, Field, OperatingPoint
from vgf_robot.controller import Budget, Reason, Rung, Status
from vgf_robot.engagement import EngagementState
from vgf_robot.wire.arrays import WireArray
from vgf_robot.wire.faults import ErrorKind

VERSION = 1

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# An hour is longer than any deadline: it stands for none. The cap keeps absolute times inside 64 bits.
NO_DEADLINE_US = 3_600_000_000
Microseconds = Annotated[int, msgspec.Meta(ge=0, le=NO_DEADLINE_US)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Instruction = Literal["engage", "disengage", "clear"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the records inside messages: immutable, named fields only, unknown keys refused."""


class Message(Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of every message; `version` is the protocol's."""

    version: int


class ServerPart(Part, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of the records inside what a server says: unknown keys are ignored."""


class ServerMessage(Message, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of what a server says: unknown keys are ignored, since a newer server may say more."""


class ExpectedField(Part, frozen=True):
    """What a client believes of one field of the observation or action vector."""

    name: Name
    size: Count
    unit: Name


class Expectations(Part, frozen=True):
    """What a client was built for; None is not compared.

    Attributes:
        observation: Fields in order.
        action: Fields in order.
        action_kind: What holding an action means.
        control_period_s: The period the client runs at, in seconds.
        bundle_sha256: The one bundle it accepts.
    """

    observation: tuple[ExpectedField, ...] | None = None
    action: tuple[ExpectedField, ...] | None = None
    action_kind: ActionKind | None = None
    control_period_s: float | None = None
    bundle_sha256: str | None = None


class Hello(Message, frozen=True, tag="hello"):
    """Client: opens a session, or starts it afresh.

    Attributes:
        sequence: Of this message.
        name: What the client calls itself.
        expect: What it was built for.
        rate_hz: How often it will ask, where that is less than once per control period; None for that.
    """

    sequence: Count
    name: Name
    expect: Expectations = Expectations()
    rate_hz: Rate | None = None


class Observe(Message, frozen=True, tag="observe"):
    """Client: asks for an action.

    Attributes:
        sequence: Larger than that of every earlier message of this session.
        episode: Another number than before begins an episode: previous particles and action are forgotten.
        seed: Seed of the episode's generator; read when the episode begins.
        observation: Shape (O,).
        observation_age_us: Age of the observation when it was sent.
        deadline_us: Wanted this long after arrival at the server; None for the server's share of the control period,
            `NO_DEADLINE_US` for no deadline at all.
        budget: May lower the bundle's setting.
        pose: Shape (A,), where the robot is in the action's units; for engagement, None where nobody knows.
    """

    sequence: Count
    episode: Count
    seed: Count
    observation: WireArray
    observation_age_us: Count
    deadline_us: Microseconds | None = None
    budget: Budget = Budget()
    pose: WireArray | None = None


class Engage(Message, frozen=True, tag="engage"):
    """Client: asks for another state of its engagement; see `vgf_robot.engagement`.

    Attributes:
        sequence: Of this message.
        action: `engage` has the next action checked, `disengage` withholds actions, `clear` ends a fault.
    """

    sequence: Count
    action: Instruction


class Ping(Message, frozen=True, tag="ping"):
    """Client: asks whether the server is there; needs no session."""

    sequence: Count


class Bye(Message, frozen=True, tag="bye"):
    """Client: ends its session; there is no reply, as nobody is left to read it."""

    sequence: Count


class Welcome(ServerMessage, frozen=True, tag="welcome"):
    """Server: what a client needs to know of the bundle.

    Attributes:
        sequence: Of the Hello.
        bundle: Name of the bundle.
        bundle_sha256: Its hash; another one is another policy.
        manifest_schema: Version of the manifest's record, which the fields and the operating point follow.
        observation: Fields in order, with unit and range seen in training.
        action: Fields in order, with unit and limits.
        action_kind: What holding an action means.
        action_rate_limit: Largest change of each action entry per second, or None.
        safe_action: The action of the ladder's last rung.
        control_period_s: The period the policy was trained at.
        operating_point: The deployed setting, which a budget may lower.
        num_particles: The N that a budget may choose.
        default_deadline_us: The deadline of an observation that names none.
        max_message_bytes: Larger messages are refused.
        engagement: Whether actions are withheld until the client has engaged.
    """

    sequence: Count
    bundle: str
    bundle_sha256: str
    manifest_schema: int
    observation: tuple[Field, ...]
    action: tuple[Field, ...]
    action_kind: ActionKind
    action_rate_limit: tuple[float, ...] | None
    safe_action: tuple[float, ...]
    control_period_s: float
    operating_point: OperatingPoint
    num_particles: tuple[int, ...]
    default_deadline_us: int
    max_message_bytes: int
    engagement: bool = False


class ServerTimings(ServerPart, frozen=True):
    """Nanoseconds at the server: waiting, the stages, the tick around them, and arrival to reply."""

    queue_ns: int
    reference_ns: int
    step_ns: tuple[int, ...]
    select_ns: int
    tick_ns: int
    server_ns: int


class Act(ServerMessage, frozen=True, tag="act", omit_defaults=True):
    """Server: the answer to an observation; the facts are those of `controller.command.Command`.

    Attributes:
        sequence: Of the Observe.
        episode: Of the Observe.
        episode_tick: 1 for the first answer of the episode; 1 again means that the server forgot the episode.
        action: Shape (A,), float32, in the robot's units, inside the limits.
        valid_for_us: The receiver stops using the action this long after it came; 0 for one that it should not use.
        engagement: Where engagement stands, which may have made another action of the controller's; None without it.
        engagement_reason: Why it is in a fault, a sentence.
    """

    sequence: Count
    episode: Count
    episode_tick: Count
    action: WireArray
    status: Status
    rung: Rung
    reason: Reason
    steps: Count
    value: float | None
    spread: float | None
    displacement: float | None
    limited: float
    num_outside: Count
    valid_for_us: int
    timings: ServerTimings
    engagement: EngagementState | None = None
    engagement_reason: str = ""


class EngagementReply(ServerMessage, frozen=True, tag="engagement"):
    """Server: where engagement stands after an Engage.

    Attributes:
        sequence: Of the Engage.
        state: Where it stands.
        reason: Why it is in a fault, a sentence; empty otherwise.
    """

    sequence: Count
    state: EngagementState
    reason: str


class Pong(ServerMessage, frozen=True, tag="pong"):
    """Server: whether it takes observations, and what it has counted since it started."""

    sequence: Count
    ready: bool
    counters: dict[str, int]


class ErrorReply(ServerMessage, frozen=True, tag="error"):
    """Server: why there is no other answer; `sequence` is None where it could not be read."""

    sequence: int | None
    kind: ErrorKind
    expected: str
    found: str
    advice: str


# msgspec reads unions at run time, where Python 3.10 knows `X | Y` of classes too; Union keeps them aliases.
Request = Union[Hello, Observe, Engage, Ping, Bye]  # noqa: UP007
Reply = Union[Welcome, Act, EngagementReply, Pong, ErrorReply]  # noqa: UP007
