"""A plant around another one, which differs in what its subclass says and in nothing else."""

from __future__ import annotations

from abc import ABC

import numpy as np
from numpy.typing import NDArray

from sim.plants.plant import DivisiblePlant, Physics, Transition


class PlantAround(ABC):  # noqa: B024  # abstract in that it alone changes nothing
    """Base of plants that change what goes into another one, or what comes out of it."""

    def __init__(self, plant: DivisiblePlant) -> None:
        self.environment_id = plant.environment_id
        self.control_period_s = plant.control_period_s
        self.num_substeps = plant.num_substeps
        self.observation_size = plant.observation_size
        self.action_size = plant.action_size
        self.action_low = plant.action_low
        self.action_high = plant.action_high
        self._plant = plant

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode."""
        return self._plant.reset(seed)

    def apply_part(self, action: NDArray[np.float32] | None, num_substeps: int) -> None:
        """Simulate a part of the control period."""
        self._plant.apply_part(action, num_substeps)

    def apply(self, action: NDArray[np.float32] | None) -> Transition:
        """Simulate what is left of the control period."""
        return self._plant.apply(action)

    def physics(self) -> Physics:
        """Return model and state of the plant inside."""
        return self._plant.physics()

    def render(self) -> NDArray[np.uint8] | None:
        """Return the current view."""
        return self._plant.render()

    def close(self) -> None:
        """Release the simulator."""
        self._plant.close()
