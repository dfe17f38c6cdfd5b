"""Where a robot stands on the way to following the policy."""

from __future__ import annotations

from enum import Enum

from vgf_robot.errors import VgfError


class EngagementState(str, Enum):
    """Whose actions the robot is sent."""

    DISENGAGED = "disengaged"  # nobody's
    CHECKING = "checking"  # nobody's yet: the next action is compared with where the robot is
    BLENDING_IN = "blending_in"  # a mixture, more and more the policy's
    ENGAGED = "engaged"  # the policy's
    FAULT = "fault"  # what keeps the robot still, until somebody clears the fault

    @property
    def follows(self) -> bool:
        """Whether the robot is sent what the policy wants, or is about to be."""
        return self not in (EngagementState.DISENGAGED, EngagementState.FAULT)


class EngagementError(VgfError):
    """What was asked for is not allowed in this state."""
