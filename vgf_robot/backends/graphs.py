"""What a backend offers: the three graphs of one variant as three calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Bundle, Variant

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StepResult:
    """The particles after one transport step.

    Attributes:
        moved: Shape (N, A), the particles, in normalised action units.
        first_moment: Shape (N, A), the optimiser's state, to be handed to the next step.
        second_moment: Shape (N, A), likewise.
        values: Shape (N,), values of the particles that came in, before they moved; None where the graph has none.
        displacement: Shape (N,), distance of the moved particles from their origin, in normalised action units.
    """

    moved: Floats
    first_moment: Floats
    second_moment: Floats
    values: Floats | None
    displacement: Floats


@dataclass(frozen=True, slots=True)
class Selected:
    """The particle that was chosen.

    Attributes:
        action: Shape (A,), in the robot's units, before the limits.
        index: Which particle it was.
        values: Shape (N,), values of all particles.
        spread: Standard deviation of the chosen value over the critic ensemble.
    """

    action: Floats
    index: int
    values: Floats
    spread: float


class Graphs(Protocol):
    """One variant's graphs, loaded and ready.

    All arrays are float32 and C-contiguous. Returned arrays may be the backend's own buffers, so that a tick allocates
    nothing: they stay valid until the next call of the same graph, those of `step` until the second next one, so that
    each step can read what the one before it wrote. Who keeps one longer copies it.
    """

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Draw particles from the reference policy.

        Args:
            observation: Shape (O,), in the robot's units.
            noise: Shape (N, A), standard normal.

        Returns:
            Particles, shape (N, A), in normalised action units.
        """
        ...

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move the particles one transport step up the value.

        Args:
            observation: Shape (O,), in the robot's units.
            particles: Shape (N, A), in normalised action units.
            origin: Shape (N, A), where the particles started.
            first_moment: Shape (N, A), zero before the first step.
            second_moment: Shape (N, A), likewise.
            step_index: Steps taken before this one.
            step_size: Size of the step, in normalised action units.
            max_distance: Largest distance from the origin, in normalised action units; infinity for no limit.
        """
        ...

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Choose the particle that maximises value_weight * value + selection_noise.

        Args:
            observation: Shape (O,), in the robot's units.
            particles: Shape (N, A), in normalised action units.
            selection_noise: Shape (N,).
            value_weight: Weight of the values; 0 leaves the choice to the noise.
        """
        ...


class Backend(Protocol):
    """Loads one variant; most often the class that implements `Graphs`."""

    def __call__(self, bundle: Bundle, variant: Variant, *, threads: int) -> Graphs:
        """Load the three graphs; this takes long and happens outside of ticks.

        Args:
            bundle: The verified bundle.
            variant: One of its variants.
            threads: Threads that one graph may use, 1 or more.

        Raises:
            BundleError: A graph cannot be read, or its inputs and outputs are not those of the manifest.
        """
        ...
