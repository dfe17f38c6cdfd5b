"""What one robot's episode remembers between ticks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller.noise import NoiseStream
from vgf_robot.controller.start import Start
from vgf_robot.controller.variant import PreparedVariant


@dataclass(frozen=True, slots=True)
class Remembered:
    """Particles of an earlier tick, to be scored again when there is no time for new ones.

    Attributes:
        tick: Index of the tick that drew them.
        drawn_ns: When that tick began, on the controller's clock.
        variant: Which graphs they belong to.
        particles: Shape (N, A), a copy, in normalised action units.
        displacement: Shape (N,), a copy, distance of each from its origin.
    """

    tick: int
    drawn_ns: int
    variant: PreparedVariant
    particles: NDArray[np.float32]
    displacement: NDArray[np.float32]


@dataclass(slots=True)
class Episode:
    """The state of one robot; one controller serves many of these.

    Attributes:
        noise: The episode's random numbers.
        tick: Index of the next tick, from 0.
        remembered: The latest particles, None before there are any and once they are too old.
        previous_action: Shape (A,), the latest action after its limits, None before the first.
        commanded_ns: When that action was made, on the controller's clock.
    """

    noise: NoiseStream
    tick: int = 0
    remembered: Remembered | None = None
    previous_action: NDArray[np.float32] | None = None
    commanded_ns: int = 0

    def take_back(self, start: Start) -> None:
        """Forget the last action, which its robot was not sent: the next one is held to the action before it.

        Args:
            start: What the tick that made it started from.
        """
        self.previous_action, self.commanded_ns = start.previous_action, start.commanded_ns

    def forget_old_particles(self, now_ns: int, *, max_age_ticks: int, period_ns: int) -> None:
        """Forget particles that are too old to be scored again.

        Their age is the ticks since, or the whole control periods since where the robot skipped some.

        Args:
            now_ns: When the tick begins, on the controller's clock.
            max_age_ticks: The age they may have.
            period_ns: The control period.
        """
        kept = self.remembered
        if kept is not None and max(self.tick - kept.tick, (now_ns - kept.drawn_ns) // period_ns) > max_age_ticks:
            self.remembered = None
