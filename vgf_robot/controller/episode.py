"""What one robot's episode remembers between ticks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller.noise import NoiseStream
from vgf_robot.controller.variant import PreparedVariant


@dataclass(frozen=True, slots=True)
class Remembered:
    """Particles of an earlier tick, to be scored again when there is no time for new ones.

    Attributes:
        variant: Which graphs they belong to.
        particles: Shape (N, A), a copy, in normalised action units.
        displacement: Shape (N,), a copy, distance of each from its origin.
    """

    variant: PreparedVariant
    particles: NDArray[np.float32]
    displacement: NDArray[np.float32]


@dataclass(slots=True)
class Episode:
    """The state of one robot; one controller serves many of these.

    Attributes:
        noise: The episode's random numbers.
        tick: Index of the next tick, from 0.
        remembered: The latest particles, None before there are any.
        previous_action: Shape (A,), the latest action after its limits, None before the first.
    """

    noise: NoiseStream
    tick: int = 0
    remembered: Remembered | None = None
    previous_action: NDArray[np.float32] | None = None
