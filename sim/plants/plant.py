"""What every plant offers: the controlled system, stepped by whole control periods or by parts of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """What is simulated, for those who change it.

    Attributes:
        model: The `mujoco.MjModel`; a plant may take another one at a reset.
        data: The `mujoco.MjData`.
        observe: Returns what the plant observes of the data as it is now, shape (O,), float32.
        kinematic: Whether actions put the robot in its place, so that no mass, force or friction matters.
    """

    model: Any
    data: Any
    observe: Callable[[], NDArray[np.float32]]
    kinematic: bool = False


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


class DivisiblePlant(Plant, Protocol):
    """A plant whose control periods can be divided: several actions take effect in one period, each at its time.

    `apply_part` simulates the beginning of a period, `apply` what is left of it. An action takes effect where its part
    begins, as at the robot: a torque acts from then on, a change of pose sets new targets from the pose of that
    moment. None leaves in force what is in force and sets nothing anew.
    """

    num_substeps: int
    """Physics steps in one control period, 1 or more: what a period can be divided into."""

    def apply_part(self, action: NDArray[np.float32] | None, num_substeps: int) -> None:
        """Simulate a part of the control period.

        Args:
            action: Shape (A,), in the robot's units; None for no new one.
            num_substeps: Physics steps, 0 or more, and no more than the period has left.

        Raises:
            PlantError: As for `apply`, or the period has fewer left.
        """
        ...

    def apply(self, action: NDArray[np.float32] | None) -> Transition:
        """Simulate what is left of the control period, the whole of it where no part has been simulated.

        Args:
            action: Shape (A,), in the robot's units; None for no new one.

        Raises:
            PlantError: There is no episode under way, or the action has another shape or is not finite.
        """
        ...

    def physics(self) -> Physics:
        """Return model and state, which belong to the episode under way.

        Raises:
            PlantError: Nothing has been reset yet, or the plant has no MuJoCo model.
        """
        ...
