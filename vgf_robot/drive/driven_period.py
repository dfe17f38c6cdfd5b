"""How a control period went: for whoever keeps records, after its action has left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.drive.decider import Decided
from vgf_robot.drive.sensor import Sensed
from vgf_robot.engagement import EngagementState


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenPeriod:
    """One control period.

    Attributes:
        sensed: The newest observation there was; None for the action that is the last, which is not about one.
        decided: The last one counts; one before it came too late to be used.
        sent: Shape (A,), what the robot was sent; None for nothing.
        state: Where engagement stood then.
        reason: Why it was in a fault, a sentence; empty otherwise.
        deadline_ns: When the action was due; None for the last one.
        in_time: Whether a fresh action went out before that.
    """

    sensed: Sensed | None
    decided: tuple[Decided, ...]
    sent: NDArray[np.float32] | None
    state: EngagementState
    reason: str
    deadline_ns: int | None
    in_time: bool
