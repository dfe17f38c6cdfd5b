"""Observations and actions of an environment as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.spaces import quiet_spaces
from vgf_robot.errors import PlantError


@final
class Vectors:
    """The vectors of one environment; parts of a dictionary stand side by side.

    Attributes:
        observation_size: Number of entries O.
        action_low: Smallest action, shape (A,).
        action_high: Largest action, shape (A,).
    """

    def __init__(self, environment_id: str, environment: Any, observation_keys: Sequence[str]) -> None:
        """Look at the spaces of an environment.

        Args:
            environment_id: Its name.
            environment: A `gymnasium.Env`.
            observation_keys: Where observations are dictionaries, the parts to take and their order; else none.

        Raises:
            PlantError: Observation or action is not a vector.
        """
        with quiet_spaces():
            observations, actions = environment.observation_space, environment.action_space
        spaces = [observations[key] for key in observation_keys] or [observations]
        if any(space.shape is None or len(space.shape) != 1 for space in (*spaces, actions)):
            raise PlantError(f"'{environment_id}' has observations or actions that are no vectors; take a state task.")
        self.observation_size = sum(int(space.shape[0]) for space in spaces)
        self.action_low: NDArray[np.float32] = np.array(actions.low, dtype=np.float32)
        self.action_high: NDArray[np.float32] = np.array(actions.high, dtype=np.float32)
        self._keys = observation_keys

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """Return what the environment observed, shape (O,), a copy of its own."""
        parts = [observation[key] for key in self._keys] or [observation]
        return np.concatenate(parts).astype(np.float32) if len(parts) > 1 else np.array(parts[0], np.float32)
