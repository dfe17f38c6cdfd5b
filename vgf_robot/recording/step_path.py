"""Graphs that remember where their steps have taken the particles."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Graphs, Selected, StepResult

Floats = NDArray[np.float32]


@final
class StepPath:
    """Passes every call on; see `Graphs` for the three of them.

    Args:
        graphs: What is called.

    Attributes:
        steps: Particles after each step since it was last emptied, copies of shape (N, A).
    """

    def __init__(self, graphs: Graphs) -> None:
        self.steps: list[Floats] = []
        self._graphs = graphs

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Draw particles from the reference policy."""
        return self._graphs.reference(observation, noise)

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
        """Move the particles one transport step."""
        result = self._graphs.step(
            observation, particles, origin, first_moment, second_moment, step_index, step_size, max_distance
        )
        self.steps.append(result.moved.copy())
        return result

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Choose one particle."""
        return self._graphs.select(observation, particles, selection_noise, value_weight)
