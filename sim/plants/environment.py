"""A plant around a Gymnasium environment: OGBench's and Gymnasium's MuJoCo tasks are both of this kind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.generator import GlobalGenerator
from sim.plants.plant import Transition
from sim.plants.rendering import FrameSource
from sim.plants.spaces import quiet_spaces
from vgf_robot.errors import PlantError

Info = dict[str, Any]


@final
class EnvironmentPlant:
    """The `Plant` around one environment; it ends an episode where the environment or its time limit does."""

    def __init__(
        self,
        environment_id: str,
        environment: Any,
        *,
        read_success: Callable[[Info], bool | None],
        draw: Callable[[], NDArray[np.uint8]] | None,
        steps_draw_globally: bool = False,
    ) -> None:
        """Wrap an environment.

        Args:
            environment_id: Its name.
            environment: A `gymnasium.Env` with vectors for observation and action.
            read_success: Reads from a step's information whether the task is solved.
            draw: Returns a frame, shape (height, width, 3); None where no frames are wanted.
            steps_draw_globally: Whether its steps take random numbers from NumPy's global generator; resets always
                may. Lending the generator costs 0.15 ms, more than a step of a point maze.

        Raises:
            PlantError: Observation or action is not a vector, or the environment does not know its period.
        """
        with quiet_spaces():
            observations, actions = environment.observation_space, environment.action_space
        if observations.shape is None or len(observations.shape) != 1 or len(actions.shape or ()) != 1:
            raise PlantError(f"'{environment_id}' has observations or actions that are no vectors; take a state task.")
        self.environment_id = environment_id
        self.control_period_s = _control_period_s(environment_id, environment.unwrapped)
        self.observation_size = int(observations.shape[0])
        self.action_size = int(actions.shape[0])
        self.action_low: NDArray[np.float32] = np.array(actions.low, dtype=np.float32)
        self.action_high: NDArray[np.float32] = np.array(actions.high, dtype=np.float32)
        self._environment = environment
        self._read_success = read_success
        self._frames = FrameSource(draw)
        self._global = GlobalGenerator()
        self._steps_draw_globally = steps_draw_globally
        self._under_way = False

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode; the same seed gives the same episode whatever came before it."""
        self._global.seed(seed)
        with quiet_spaces(), self._global.in_place():
            observation, _ = self._environment.reset(seed=seed)
        self._under_way = True
        return np.asarray(observation, dtype=np.float32)

    def apply(self, action: NDArray[np.float32]) -> Transition:
        """Simulate one control period; refuses what the environment would misread in silence.

        OGBench's `step` before `reset` resets, and returns two values instead of five.
        """
        if not self._under_way:
            raise PlantError(f"'{self.environment_id}' has no episode under way; call reset(seed) first.")
        if action.shape != (self.action_size,) or not np.isfinite(action).all():
            raise PlantError(
                f"'{self.environment_id}' takes {self.action_size} finite action entries, found shape {action.shape} "
                f"with {np.count_nonzero(~np.isfinite(action))} that are not finite."
            )
        with self._global.in_place() if self._steps_draw_globally else nullcontext():
            observation, reward, terminated, truncated, info = self._environment.step(action)
        self._under_way = not (terminated or truncated)
        return Transition(
            observation=np.asarray(observation, dtype=np.float32),
            reward=float(reward),
            success=self._read_success(info),
            done=not self._under_way,
        )

    def render(self) -> NDArray[np.uint8] | None:
        """Return the current view, shape (height, width, 3), or None where nothing can draw."""
        return self._frames.frame()

    def close(self) -> None:
        """Release the simulator; may be called twice."""
        self._under_way = False
        self._environment.close()


def _control_period_s(environment_id: str, unwrapped: Any) -> float:
    """Return the period from the environment itself: OGBench's arms and MuJoCo environments name it differently."""
    control_timestep = getattr(unwrapped, "control_timestep", None)
    period_s = control_timestep() if callable(control_timestep) else getattr(unwrapped, "dt", None)
    if period_s is None:
        raise PlantError(f"'{environment_id}' does not say its control period; take a MuJoCo environment.")
    return float(period_s)  # pyright: ignore[reportArgumentType]
