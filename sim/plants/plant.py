"""What every plant offers: the controlled system, stepped one control period at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What one control period brought.

    Attributes:
        observation: Shape (O,), float32, at the end of the period.
        reward: The environment's reward for the period.
        success: Whether the task is solved; None where the environment knows rewards only.
        done: Whether the episode is over: solved, fallen, or out of time.
    """

    observation: NDArray[np.float32]
    reward: float
    success: bool | None
    done: bool


class Plant(Protocol):
    """A simulated robot and its task.

    Simulated time stands still between calls; who needs real time waits for it outside.
    """

    environment_id: str
    """The environment's name, as bundles and result rows carry it."""
    control_period_s: float
    """Simulated seconds that one `apply` takes."""
    observation_size: int
    """Number of entries O of an observation."""
    action_size: int
    """Number of entries A of an action."""
    action_low: NDArray[np.float32]
    """Smallest action, shape (A,)."""
    action_high: NDArray[np.float32]
    """Largest action, shape (A,)."""

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode; the same seed gives the same episode whatever came before it.

        Args:
            seed: Start state and everything random in the episode.

        Returns:
            The first observation, shape (O,).
        """
        ...

    def apply(self, action: NDArray[np.float32]) -> Transition:
        """Simulate one control period under an action.

        Args:
            action: Shape (A,), in the robot's units.

        Raises:
            PlantError: There is no episode under way, or the action has another shape or is not finite.
        """
        ...

    def render(self) -> NDArray[np.uint8] | None:
        """Return the current view, shape (height, width, 3), or None where nothing can draw."""
        ...

    def close(self) -> None:
        """Release the simulator; may be called twice."""
        ...
