"""Bounds on every transport budget, set by whoever operates the controller while it runs."""

from __future__ import annotations

import math
from typing import Annotated, TypeVar

import msgspec

from vgf_robot.bundle import OperatingPoint
from vgf_robot.errors import BudgetError

Steps = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Size = Annotated[float, msgspec.Meta(gt=0)]
Number = TypeVar("Number", int, float)


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no tick goes beyond, whatever its request asks for; None leaves what request and bundle allow.

    A request above its bundle is refused, as its sender can know better. One above a ceiling is lowered: the sender
    cannot know, and its robot goes on with a more cautious action.

    Attributes:
        max_steps: Transport steps at most; 0 for none.
        step_size: Size of one step at most, in normalised action units.
        max_distance: Largest distance of a particle from its origin at most, in normalised action units.
    """

    max_steps: Steps | None = None
    step_size: Size | None = None
    max_distance: Size | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            BudgetError: A number is out of its range.
        """
        if self.max_steps is not None and self.max_steps < 0:
            raise BudgetError(f"Ceiling max_steps: expected 0 or more, found {self.max_steps}; 0 takes no step.")
        for name in ("step_size", "max_distance"):
            value: float | None = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise BudgetError(
                    f"Ceiling {name}: expected a positive, finite number, found {value:g}; to take no step, set "
                    "max_steps to 0."
                )

    def lower(self, point: OperatingPoint) -> OperatingPoint:
        """Return the setting with what is above a ceiling at that ceiling; nothing is ever raised."""
        distance = self.max_distance if point.max_distance is None else _least(point.max_distance, self.max_distance)
        return msgspec.structs.replace(
            point,
            max_steps=_least(point.max_steps, self.max_steps),
            step_size=_least(point.step_size, self.step_size),
            max_distance=distance,
        )


def _least(value: Number, ceiling: Number | None) -> Number:
    return value if ceiling is None else min(value, ceiling)
