"""The time kept free before a deadline for what no cost estimate foresees."""

from __future__ import annotations

from dataclasses import dataclass

from vgf_robot.controller.settings import ControllerSettings


@dataclass(frozen=True, slots=True)
class Margin:
    """The margin's state; the controller holds one and reads `ns` once per tick.

    Attributes:
        ns: Nanoseconds that must remain after the estimated costs for an optional stage to start.
    """

    ns: int


def initial_margin(settings: ControllerSettings) -> Margin:
    """Return the margin that a controller starts with."""
    return Margin(round(settings.margin_us * 1000))
