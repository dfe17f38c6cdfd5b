"""The entries of an action one by one, so that a sentence can name the one it is about."""

from __future__ import annotations

from typing import final

import numpy as np

from vgf_robot.bundle import Manifest


@final
class Entries:
    """Names, units and ranges of the A entries of an action.

    Attributes:
        names: Such as `joint_position[2]`.
        units: Of each.
        ranges: Shape (A,), float64, from the lowest to the highest value of each.
    """

    def __init__(self, manifest: Manifest) -> None:
        fields = manifest.action
        self.names = tuple(f"{field.name}[{index}]" for field in fields for index in range(field.size))
        self.units = tuple("" if field.unit == "1" else f" {field.unit}" for field in fields for _ in range(field.size))
        low = np.array([value for field in fields for value in field.low])
        high = np.array([value for field in fields for value in field.high])
        self.ranges = high - low

    def value(self, entry: int, number: float) -> str:
        """Return a number in the unit of an entry."""
        return f"{number:.4g}{self.units[entry]}"
