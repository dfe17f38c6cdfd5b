"""What a tick returns: the action, how it came about, and how long each part took."""

from __future__ import annotations

from enum import Enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import ActionKind


class Status(str, Enum):
    """How the tick ended."""

    ON_TIME = "on_time"  # every step of the budget, or all that paid, before the deadline
    TRUNCATED = "truncated"  # fewer steps, because the deadline was near
    LATE = "late"  # a fresh action, after the deadline
    FALLBACK = "fallback"  # the ladder: no transport, no reference


class Rung(str, Enum):
    """Where the action came from, best first."""

    TRANSPORT = "transport"  # particles moved at least one step
    REFERENCE = "reference"  # particles as drawn from the reference policy
    RESCORED = "rescored"  # the previous tick's particles, scored at the new observation
    HOLD = "hold"  # the previous action again; legal for absolute actions only
    SAFE = "safe"  # the bundle's safe action

    @property
    def fresh(self) -> bool:
        """Whether the action used the new observation; a tick without a fresh action is a miss."""
        return self in (Rung.TRANSPORT, Rung.REFERENCE, Rung.RESCORED)


def fallback_rungs(action_kind: ActionKind) -> tuple[Rung, ...]:
    """Return the rungs that are legal below the reference, best first.

    Holding repeats the previous action. Only an absolute action (a position to be at) then leaves the robot where it
    is; a delta, a velocity or a torque would keep it moving.
    """
    if action_kind == "absolute":
        return (Rung.RESCORED, Rung.HOLD, Rung.SAFE)
    return (Rung.RESCORED, Rung.SAFE)


class Reason(str, Enum):
    """Why the tick ended as it did."""

    COMPLETE = "complete"  # the whole budget was spent
    GAINED_TOO_LITTLE = "gained_too_little"  # a further step would not have paid
    NO_TIME_FOR_STEP = "no_time_for_step"
    NO_TIME_FOR_REFERENCE = "no_time_for_reference"
    NO_TIME_FOR_SELECT = "no_time_for_select"
    OVERRAN = "overran"  # a stage took longer than its cost estimate
    STALE_OBSERVATION = "stale_observation"  # there was no tick: nothing new was observed, or too long ago
    ENDING = "ending"  # there was no tick: nobody will ask for another action
    NON_FINITE_OBSERVATION = "non_finite_observation"
    NON_FINITE_ACTION = "non_finite_action"
    UNKNOWN = "unknown"  # of a newer server: never said by this program

    @classmethod
    def _missing_(cls, value: object) -> Reason | None:
        """Read a reason that a newer server gives, so that a client can use its action all the same."""
        return cls.UNKNOWN if isinstance(value, str) else None


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Nanoseconds spent in a tick and in its stages; 0 for a stage that did not run."""

    reference_ns: int
    step_ns: tuple[int, ...]
    select_ns: int
    tick_ns: int


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one observation.

    Attributes:
        action: Shape (A,), float32, in the robot's units, inside the limits.
        status: How the tick ended.
        rung: Where the action came from.
        reason: Why.
        steps: Transport steps taken, also when a fallback took the place of what they led to.
        value: Critic's value of the chosen particle; None on the rungs HOLD and SAFE.
        spread: Standard deviation of that value over the critic ensemble; None likewise.
        displacement: Distance of the chosen particle from its origin, in normalised action units; None likewise.
        limited: Largest change that the limits made to an entry of the action, in the robot's units.
        num_outside: Entries of the observation that were smaller or larger than any seen in training.
        timings: How long it took.
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
    num_outside: int = 0
    timings: Timings
