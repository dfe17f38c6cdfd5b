"""What the first action has to be before a robot is sent anything."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.controller import Command
from vgf_robot.engagement.entries import Entries
from vgf_robot.engagement.settings import EngagementSettings


@final
class FirstAction:
    """Compares the first action with what the policy knows and with where the robot is."""

    def __init__(self, manifest: Manifest, settings: EngagementSettings) -> None:
        self._absolute = manifest.action_kind == "absolute"
        self._entries = Entries(manifest)
        self._change_share = settings.max_first_change_share
        ranges = self._entries.ranges
        narrowest = float(ranges[ranges > 0].min(initial=np.inf))
        self._most_limited = settings.max_first_limited_share * narrowest if np.isfinite(narrowest) else 0.0

    def fault(self, command: Command, pose: NDArray[np.float32] | None) -> str:
        """Return why the robot must not follow this command, or "" where it may.

        Args:
            command: The first one; its action is finite.
            pose: Shape (A,), where the robot is in the action's units, or None where nobody knows.
        """
        if not command.rung.fresh:
            return (
                f"First action: expected a fresh one, found the rung '{command.rung.value}' ({command.reason.value}); "
                "engage when observations come and ticks are in time."
            )
        if command.num_outside:
            return (
                f"First action: expected an observation inside the range seen in training, found {command.num_outside} "
                "entries outside; move the robot to where its training data begins, or check order and units."
            )
        if command.limited > self._most_limited:
            return (
                f"First action: expected to be inside the limits, found an entry changed by {command.limited:.4g}, "
                f"where {self._most_limited:.4g} is allowed; the policy does not want what this robot can do from here."
            )
        return self._too_far(command.action, pose) if self._absolute else ""

    def _too_far(self, action: NDArray[np.float32], pose: NDArray[np.float32] | None) -> str:
        entries = self._entries
        if pose is None:
            return (
                "First action: expected the robot's pose to compare it with, found none; send `pose` with every "
                "observation, or set `assume_at_safe` where the robot stands at the safe action whenever it is engaged."
            )
        if not np.isfinite(pose).all():
            entry = int(np.flatnonzero(~np.isfinite(pose))[0])
            found = f"{pose[entry]} in {entries.names[entry]}"
            return f"First action: expected a finite pose, found {found}; check the sensor."
        change = np.abs(action.astype(np.float64) - pose)
        allowed = self._change_share * entries.ranges
        excess = change - allowed
        entry = int(excess.argmax())
        if excess[entry] <= 0:
            return ""
        return (
            f"First action: {entries.names[entry]} would go from {entries.value(entry, float(pose[entry]))} to "
            f"{entries.value(entry, float(action[entry]))}, a change of {entries.value(entry, float(change[entry]))} "
            f"where {entries.value(entry, float(allowed[entry]))} is allowed ({self._change_share:.3g} of its range); "
            "move the robot nearer."
        )
