"""What a plant was told during a live episode: enough to see the episode again, and cheap enough not to disturb it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.plants import Plant, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One episode; the same seed and actions give the same episode again.

    Attributes:
        environment: The plant's name.
        control_period_s: Simulated seconds of one action.
        seed: Of the reset.
        actions: Shape (periods, A), as they were applied.
        success: Whether the task was solved; None where the environment knows rewards only.
    """

    environment: str
    control_period_s: float
    seed: int
    actions: NDArray[np.float32]
    success: bool | None


@final
class RecordingPlant:
    """A `Plant` that remembers seed and actions; MuJoCo's physics gives the rest when it is played back."""

    def __init__(self, plant: Plant) -> None:
        self.environment_id = plant.environment_id
        self.control_period_s = plant.control_period_s
        self.observation_size = plant.observation_size
        self.action_size = plant.action_size
        self.action_low = plant.action_low
        self.action_high = plant.action_high
        self._plant = plant
        self._seed = 0
        self._actions: list[NDArray[np.float32]] = []
        self._success: bool | None = None

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode and a recording."""
        self._seed, self._actions, self._success = seed, [], None
        return self._plant.reset(seed)

    def apply(self, action: NDArray[np.float32]) -> Transition:
        """Simulate one control period."""
        self._actions.append(np.array(action, dtype=np.float32))
        transition = self._plant.apply(action)
        if transition.success is not None:
            self._success = bool(self._success) or transition.success
        return transition

    def render(self) -> NDArray[np.uint8] | None:
        """Return the plant's own view."""
        return self._plant.render()

    def close(self) -> None:
        """Close the plant."""
        self._plant.close()

    def recording(self) -> Recording:
        """Return the episode so far."""
        actions = np.array(self._actions, dtype=np.float32).reshape(-1, self.action_size)
        return Recording(
            environment=self.environment_id,
            control_period_s=self.control_period_s,
            seed=self._seed,
            actions=actions,
            success=self._success,
        )
