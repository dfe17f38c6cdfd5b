"""A plant around a Gymnasium environment: OGBench's, Gymnasium's and gymnasium-robotics' tasks are all of this kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sim.plants.generator import GlobalGenerator
from sim.plants.misuse import require_part, require_sense
from sim.plants.plant import Physics, Transition
from sim.plants.rendering import FrameSource
from sim.plants.simulation import Part, Simulation
from sim.plants.spaces import quiet_spaces
from sim.plants.vectors import Vectors
from vgf_robot.errors import PlantError

Info = dict[str, Any]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customs:
    """What environments do differently.

    Attributes:
        read_success: Reads from a step's information whether the task is solved; None where it never says.
        observation_keys: Where observations are dictionaries, the parts to take and their order.
        draw: Returns a frame, shape (height, width, 3); None where no frames are wanted.
        steps_draw_globally: Whether steps take random numbers from NumPy's global generator; resets always may.
            Lending the generator costs 0.15 ms, more than a step of a point maze.
    """

    read_success: Callable[[Info], bool] | None = None
    observation_keys: Sequence[str] = ()
    draw: Callable[[], NDArray[np.uint8]] | None = None
    steps_draw_globally: bool = False


@final
class EnvironmentPlant:
    """The `DivisiblePlant` around one environment; it ends an episode where the environment or its time limit does."""

    def __init__(self, environment_id: str, environment: Any, simulation: Simulation, customs: Customs) -> None:
        """Wrap an environment.

        Args:
            environment_id: Its name.
            environment: A `gymnasium.Env` with vectors for observation and action.
            simulation: Its physics.
            customs: What it does differently.

        Raises:
            PlantError: Observation or action is not a vector.
        """
        self._vectors = Vectors(environment_id, environment, customs.observation_keys)
        self.environment_id = environment_id
        self.control_period_s = simulation.control_period_s
        self.num_substeps = simulation.num_substeps
        self.observation_size = self._vectors.observation_size
        self.action_size = len(self._vectors.action_low)
        self.action_low = self._vectors.action_low
        self.action_high = self._vectors.action_high
        self._environment = environment
        self._simulation = simulation
        self._customs = customs
        self._frames = FrameSource(customs.draw)
        self._global = GlobalGenerator()
        self._under_way = False
        self._parts: list[Part] = []
        self._last = np.zeros(self.action_size, np.float32)

    def reset(self, seed: int) -> Floats:
        """Begin an episode; the same seed gives the same episode whatever came before it."""
        self._global.seed(seed)
        with quiet_spaces(), self._global.in_place():
            observation, _ = self._environment.reset(seed=seed)
            self._simulation.settle()
        self._under_way = True
        self._parts.clear()
        self._last = np.zeros(self.action_size, np.float32)
        return self._vectors.observation(observation)

    def apply_part(self, action: Floats | None, num_substeps: int) -> None:
        """Simulate a part of the control period: it is noted here, and simulated by the `apply` that observes."""
        self._require_sense(action)
        require_part(self.environment_id, num_substeps, self.num_substeps - sum(count for _, count in self._parts))
        self._parts.append((None if action is None else action.copy(), num_substeps))
        self._last = self._last if action is None else action.copy()

    def apply(self, action: Floats | None) -> Transition:
        """Simulate what is left of the control period; refuses what the environment would misread in silence.

        OGBench's `step` before `reset` resets, and returns two values instead of five.
        """
        self._require_sense(action)
        self._last = self._last if action is None else action.copy()
        with ExitStack() as stack:
            if self._parts or action is None:
                stack.enter_context(self._simulation.divided(tuple(self._parts), keep=action is None))
            if self._customs.steps_draw_globally:
                stack.enter_context(self._global.in_place())
            observation, reward, terminated, truncated, info = self._environment.step(self._last)
        self._parts.clear()
        self._under_way = not (terminated or truncated)
        read_success = self._customs.read_success
        return Transition(
            observation=self._vectors.observation(observation),
            reward=float(reward),
            success=None if read_success is None else read_success(info),
            done=not self._under_way,
        )

    def physics(self) -> Physics:
        """Return model and state."""
        if self._simulation.data is None:
            raise PlantError(f"'{self.environment_id}' has no physics before its first reset; call reset(seed) first.")
        inside = self._simulation
        return Physics(model=inside.model, data=inside.data, observe=self._observe, kinematic=inside.kinematic)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the current view, shape (height, width, 3), or None where nothing can draw."""
        return self._frames.frame()

    def close(self) -> None:
        """Release the simulator; may be called twice."""
        self._under_way = False
        self._environment.close()

    def _observe(self) -> Floats:
        return self._vectors.observation(self._simulation.observe())

    def _require_sense(self, action: Floats | None) -> None:
        require_sense(self.environment_id, action, self.action_size, under_way=self._under_way)
