"""Where observations come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """One observation of a robot.

    Attributes:
        observation: Shape (O,), float32, in the robot's units.
        sequence: Another number than that of the observation before.
        taken_ns: When it was taken, on our monotonic clock.
        pose: Shape (A,), where the robot is in the action's units; None where nobody says.
        stamp_ns: What the sender's own clock said; handed back to it, never compared with ours.
    """

    observation: NDArray[np.float32]
    sequence: int
    taken_ns: int
    pose: NDArray[np.float32] | None = None
    stamp_ns: int | None = None


class Sensor(Protocol):
    """A robot that is observed."""

    def newest(self) -> Sensed | None:
        """Return the newest observation at once, the same again where there is no newer; None before the first."""
        ...
