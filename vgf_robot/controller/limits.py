"""The last thing that happens to an action: it stays inside its range and changes no faster than allowed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest

Floats = NDArray[np.float32]


class Limits:
    """Range and rate of change of the action, in the robot's units.

    The limits are those of the manifest, exactly: where a bound is no float32 number, the next one inside is taken.

    The rate holds between two commands of one episode. An episode's first command, and so the first after a client has
    reconnected, has nothing to be held against: where the robot stands then is not known here, and only the range
    limits it.

    Attributes:
        period_ns: The control period; the most time that a change is allowed for.
    """

    def __init__(self, manifest: Manifest) -> None:
        low = np.array([value for field in manifest.action for value in field.low])
        high = np.array([value for field in manifest.action for value in field.high])
        self._low, self._high = _inward(low, high)
        rate = manifest.action_rate_limit
        self._rate = None if rate is None else np.array(rate)
        self._period_s = manifest.control_period_s
        self.period_ns = max(1, round(manifest.control_period_s * 1e9))

    def apply(self, action: Floats, previous: Floats | None, passed_ns: int) -> tuple[Floats, float]:
        """Return the limited action and the largest change that the limits made to an entry.

        Args:
            action: Shape (A,), finite.
            previous: Shape (A,), the limited action of the tick before; None in an episode's first tick.
            passed_ns: Time since that action; more than a period counts as one, so that a robot that heard nothing for
                a while does not jump.

        Returns:
            A new read-only array, shape (A,), and the change in the robot's units.
        """
        limited = action
        if previous is not None and self._rate is not None:
            limited = _approach(previous, action, self._rate * min(max(passed_ns, 0) * 1e-9, self._period_s))
        limited = np.minimum(np.maximum(limited, self._low), self._high)
        change = float(np.abs(limited - action).max())
        limited.flags.writeable = False  # it is both the answer and the next tick's previous action
        return limited, change


def _approach(previous: Floats, action: Floats, largest_change: NDArray[np.float64]) -> Floats:
    """Return the point on the way from previous to action that no entry of `largest_change` forbids."""
    start = previous.astype(np.float64)
    change = np.minimum(np.maximum(action - start, -largest_change), largest_change)
    reached = (start + change).astype(np.float32)
    # Rounding to float32 may have gone past the bound by one step of the number format; previous itself never does.
    too_far = np.abs(reached - start) > largest_change
    return np.where(too_far, np.nextafter(reached, previous), reached) if too_far.any() else reached


def _inward(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[Floats, Floats]:
    low32, high32 = low.astype(np.float32), high.astype(np.float32)
    inner_low = np.where(low32 < low, np.nextafter(low32, np.float32(np.inf)), low32)
    inner_high = np.where(high32 > high, np.nextafter(high32, np.float32(-np.inf)), high32)
    # A range too narrow to hold a float32 number is a constant; the nearest number stands for it.
    narrow = inner_low > inner_high
    return np.where(narrow, low32, inner_low), np.where(narrow, low32, inner_high)
