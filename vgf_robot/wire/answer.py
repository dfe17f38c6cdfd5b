"""A command on its way over the wire: into the message at the server, and out of it at the client."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Command, Timings
from vgf_robot.engagement import EngagementState
from vgf_robot.wire.arrays import pack, unpack
from vgf_robot.wire.messages import VERSION, Act, ServerTimings, Welcome


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A command that came over the wire, and what only the wire knows of it.

    Attributes:
        command: What the controller decided, with its own timings.
        episode_tick: 1 for the first answer of the episode; 1 again means that a restarted server forgot it.
        queue_ns: How long the observation waited at the server before its tick.
        server_ns: From its arrival there to the reply.
        round_trip_ns: From handing the observation to the socket to taking the answer off it.
        received_ns: When the answer was read, on the client's monotonic clock.
        valid_for_ns: How long the action may be used from its arrival; 0 where engagement withholds it.
        engagement: Where engagement stands at the server, None where that has none. It may have made another action of
            the controller's, of which the rest of the command speaks.
        engagement_reason: Why it is in a fault, a sentence.
    """

    command: Command
    episode_tick: int
    queue_ns: int
    server_ns: int
    round_trip_ns: int
    received_ns: int
    valid_for_ns: int
    engagement: EngagementState | None = None
    engagement_reason: str = ""

    @property
    def action(self) -> NDArray[np.float32]:
        """The command's action, shape (A,), in the robot's units, inside the limits."""
        return self.command.action

    @property
    def transport_ns(self) -> int:
        """Time outside the server, both ways together; one way cannot be measured without a common clock."""
        return self.round_trip_ns - self.server_ns

    @property
    def valid_until_ns(self) -> int:
        """When to stop using the action, on the client's monotonic clock.

        It is counted from when the answer can have come at the earliest: a process that was held up reads it later, and
        does not know when it came.
        """
        return self.received_ns - max(0, self.transport_ns) + self.valid_for_ns

    def expired(self, now_ns: int) -> bool:
        """Whether the action is too old to use at this time of the client's monotonic clock."""
        return now_ns >= self.valid_until_ns


class ReplyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the server adds to a command: which request it answers, and where the time went.

    Attributes:
        sequence: Of the request.
        episode: Of the request.
        episode_tick: As in `Answer`.
        valid_for_us: As in `Act`.
        queue_ns: As in `Answer`.
        server_ns: As in `Answer`.
        action: Shape (A,), float32, which engagement may have put in place of the command's.
        engagement: As in `Act`.
        engagement_reason: As in `Act`.
    """

    sequence: int
    episode: int
    episode_tick: int
    valid_for_us: int
    queue_ns: int
    server_ns: int
    action: NDArray[np.float32]
    engagement: EngagementState | None = None
    engagement_reason: str = ""


def act_of(command: Command, facts: ReplyFacts) -> Act:
    """Return the message that carries a command."""
    timings = command.timings
    return Act(
        version=VERSION,
        sequence=facts.sequence,
        episode=facts.episode,
        episode_tick=facts.episode_tick,
        action=pack(facts.action),
        status=command.status,
        rung=command.rung,
        reason=command.reason,
        steps=command.steps,
        value=command.value,
        spread=command.spread,
        displacement=command.displacement,
        limited=command.limited,
        num_outside=command.num_outside,
        valid_for_us=facts.valid_for_us,
        timings=ServerTimings(
            queue_ns=facts.queue_ns,
            reference_ns=timings.reference_ns,
            step_ns=timings.step_ns,
            select_ns=timings.select_ns,
            tick_ns=timings.tick_ns,
            server_ns=facts.server_ns,
        ),
        engagement=facts.engagement,
        engagement_reason=facts.engagement_reason,
    )


def answer_of(act: Act, facts: Welcome, *, sent_ns: int, received_ns: int) -> Answer:
    """Return what a client makes of the message.

    Raises:
        RefusedError: The action has another shape than the handshake said, or an entry that is not finite.
    """
    return Answer(
        command=_command_of(act, facts),
        episode_tick=act.episode_tick,
        queue_ns=act.timings.queue_ns,
        server_ns=act.timings.server_ns,
        round_trip_ns=received_ns - sent_ns,
        received_ns=received_ns,
        valid_for_ns=1000 * act.valid_for_us,
        engagement=act.engagement,
        engagement_reason=act.engagement_reason,
    )


def _command_of(act: Act, facts: Welcome) -> Command:
    timings = act.timings
    return Command(
        action=unpack(act.action, facts.action),
        status=act.status,
        rung=act.rung,
        reason=act.reason,
        steps=act.steps,
        value=act.value,
        spread=act.spread,
        displacement=act.displacement,
        limited=act.limited,
        num_outside=act.num_outside,
        timings=Timings(
            reference_ns=timings.reference_ns,
            step_ns=timings.step_ns,
            select_ns=timings.select_ns,
            tick_ns=timings.tick_ns,
        ),
    )
