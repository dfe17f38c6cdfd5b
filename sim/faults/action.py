"""Faults on the way from a command to the motor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.faults.severity import Fault, Positive, Share

Floats = NDArray[np.float32]
Effect = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Motors:
    """What is known of the actions.

    Attributes:
        low: Shape (A,), smallest action, in the robot's units.
        high: Shape (A,), largest.
        rest: Shape (A,), what is in force before the first action: the bundle's safe action.
        absolute: Whether an action says where to be, so that 0 is a place and not a standstill.
        period_s: Between two actions.
    """

    low: Floats
    high: Floats
    rest: Floats
    absolute: bool
    period_s: float


class ActionFault(Fault, frozen=True, kw_only=True):
    """Base of the faults that change an action and not its time."""

    def effect(self, severity: float, motors: Motors) -> Effect:
        """Return what becomes of the actions of one episode.

        Args:
            severity: In (0, 1].
            motors: Of the robot.
        """
        raise NotImplementedError


class ActionDelay(Fault, frozen=True, kw_only=True):
    """Actions take effect late; until the first one does, the bundle's safe action stands.

    Attributes:
        delay_s: How late, in seconds; times the severity, rounded to the plant's physics steps.
    """

    delay_s: Positive

    def num_substeps(self, severity: float, period_s: float, substeps_in_period: int) -> int:
        """Return the delay in physics steps."""
        return int(severity * self.delay_s / period_s * substeps_in_period + 0.5)


class ActionRateLimit(ActionFault, frozen=True, kw_only=True):
    """The command changes no faster than this.

    Attributes:
        ranges_per_s: Largest change, in whole ranges of the action per second; divided by the severity.
    """

    ranges_per_s: Positive

    def effect(self, severity: float, motors: Motors) -> Effect:
        """Return the effect."""
        most = (self.ranges_per_s / severity * motors.period_s * (motors.high - motors.low)).astype(np.float32)
        before = motors.rest

        def apply(action: Floats) -> Floats:
            nonlocal before
            before = np.clip(action, before - most, before + most)
            return before

        return apply


class ActionQuantisation(ActionFault, frozen=True, kw_only=True):
    """The command is rounded to whole multiples of a step, and stays inside its range.

    Attributes:
        step: The step, as a share of the action's range; times the severity.
    """

    step: Share

    def effect(self, severity: float, motors: Motors) -> Effect:
        """Return the effect."""
        step = (severity * self.step * (motors.high - motors.low)).astype(np.float32)
        return lambda action: np.clip(np.rint(action / step) * step, motors.low, motors.high)


class DeadZone(ActionFault, frozen=True, kw_only=True):
    """Small commands are not followed.

    A small change of pose, velocity or torque is none; an absolute action that is near to the one followed last is
    not followed.

    Attributes:
        width: What is small, to either side, as a share of the action's range; times the severity.
    """

    width: Share

    def effect(self, severity: float, motors: Motors) -> Effect:
        """Return the effect."""
        width = (severity * self.width * (motors.high - motors.low)).astype(np.float32)
        followed = motors.rest if motors.absolute else np.zeros_like(motors.rest)

        def apply(action: Floats) -> Floats:
            nonlocal followed
            result = np.where(np.abs(action - followed) < width, followed, action)
            followed = result if motors.absolute else followed
            return result

        return apply
