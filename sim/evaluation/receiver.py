"""The robot's end: which action is in force when no fresh one is there."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery
from vgf_robot.bundle.manifest import Manifest


@final
class Receiver:
    """Keeps the last action while it may be used, and falls back to the bundle's safe action.

    Only an absolute action may be used again, and only until it expires: a change of pose, a velocity or a torque
    would move the robot once more.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._safe: NDArray[np.float32] = np.array(manifest.safe_action, dtype=np.float32)
        self._may_hold = manifest.action_kind == "absolute"
        self._last = self._safe
        self._expires_ns = 0

    def take(self, answer: Delivery, arrival_ns: int) -> NDArray[np.float32]:
        """Return the action of an answer that came in time, and remember it."""
        self._last = answer.command.action
        self._expires_ns = arrival_ns + answer.valid_for_ns
        return self._last

    def without(self, now_ns: int) -> NDArray[np.float32]:
        """Return the action of a period for which none came in time."""
        return self._last if self._may_hold and now_ns < self._expires_ns else self._safe
