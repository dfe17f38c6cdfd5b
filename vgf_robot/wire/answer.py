"""What a client gets for an observation: the command, in its own terms and on its own clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller.command import Reason, Rung, Status
from vgf_robot.wire.arrays import unpack
from vgf_robot.wire.messages import Act, ServerTimings, Welcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A command that came over the wire.

    Attributes:
        action: Shape (A,), float32, in the robot's units, inside the limits.
        status: How the tick ended.
        rung: Where the action came from.
        reason: Why.
        steps: Transport steps taken.
        value: Critic's value of the chosen particle; None on the rungs HOLD and SAFE.
        spread: Standard deviation of that value over the critic ensemble; None likewise.
        displacement: Distance of the chosen particle from its origin, in normalised action units; None likewise.
        limited: Largest change that the limits made to an entry of the action, in the robot's units.
        num_outside: Entries of the observation that were smaller or larger than any seen in training.
        episode_tick: 1 for the first answer of the episode; 1 again means that a restarted server forgot it.
        received_ns: When it came, on the client's monotonic clock.
        valid_until_ns: When to stop using the action, on that clock.
        round_trip_ns: From handing the observation to the socket to taking the answer off it.
        timings: Nanoseconds at the server.
    """

    action: NDArray[np.float32]
    status: Status
    rung: Rung
    reason: Reason
    steps: int
    value: float | None
    spread: float | None
    displacement: float | None
    limited: float
    num_outside: int
    episode_tick: int
    received_ns: int
    valid_until_ns: int
    round_trip_ns: int
    timings: ServerTimings

    @property
    def transport_ns(self) -> int:
        """Time outside the server, both ways together; one way cannot be measured without a common clock."""
        return self.round_trip_ns - self.timings.server_ns

    def expired(self, now_ns: int) -> bool:
        """Whether the action is too old to use at this time of the client's monotonic clock."""
        return now_ns >= self.valid_until_ns


def answer(act: Act, facts: Welcome, *, sent_ns: int, received_ns: int) -> Answer:
    """Return the client's record of a reply.

    Raises:
        RefusedError: The action has another shape than the handshake said, or an entry that is not finite.
    """
    return Answer(
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
        episode_tick=act.episode_tick,
        received_ns=received_ns,
        valid_until_ns=received_ns + 1000 * act.valid_for_us,
        round_trip_ns=received_ns - sent_ns,
        timings=act.timings,
    )
