"""What stands in for an action that could not be computed, best first."""

from __future__ import annotations

from vgf_robot.bundle.manifest import ActionKind
from vgf_robot.controller.command import Rung


def fallback_rungs(action_kind: ActionKind) -> tuple[Rung, ...]:
    """Return the rungs that are legal below the reference, best first.

    Holding repeats the previous action. Only an absolute action (a position to be at) then leaves the robot where it
    is; a delta, a velocity or a torque would keep it moving.
    """
    if action_kind == "absolute":
        return (Rung.RESCORED, Rung.HOLD, Rung.SAFE)
    return (Rung.RESCORED, Rung.SAFE)
