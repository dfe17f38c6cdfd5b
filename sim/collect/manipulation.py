"""Episodes of OGBench's arm: `play` follows noisy plans, `noisy` a closed-loop oracle under action noise."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from sim.collect.environments import make_environment
from sim.collect.names import DatasetName
from sim.collect.settings import MARKOV_MIN_NORM, SMOOTHING, Settings
from sim.collect.trajectory import Episode, Trajectory

_STACKING = {
    "cube-single": (0.0, 0.0),
    "cube-double": (0.0, 0.25),
    "cube-triple": (0.05, 0.35),
    "cube-quadruple": (0.1, 0.5),
    "cube-octuple": (0.0, 0.35),
}
_FIXED_STACKING = 0.5
_NOISE_SHAPE = np.array([1.0, 1.0, 1.0, 3.0, 10.0])  # x, y, z, yaw, gripper
_CUBE_X = 14  # in qpos, behind six arm and eight gripper joints


@final
class ManipulationCollector:
    """Makes one episode after the other in one environment.

    Source: OGBench's published generation of manipulation datasets; the random draws differ (every episode is
    seeded by itself), their distributions do not.
    """

    def __init__(self, name: DatasetName, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._environment = make_environment(name.environment_id, mode="data_collection", terminate_at_goal=False)
        self._oracles = _oracles(self._environment, name, settings)

    def episode(self, seed: int) -> Episode | None:
        """Return the episode of this seed, or None where it has to be redone with another.

        Args:
            seed: For the environment's generator. NumPy's global one, which the oracles draw from, is the caller's.
        """
        observation, info = self._environment.reset(seed=seed)
        stacking = self._stacking_probability()
        action_noise = np.random.uniform(0, self._settings.noise) if self._name.kind == "noisy" else None
        oracle = self._oracles[info["privileged/target_task"]]
        oracle.reset(observation, info)
        trajectory = Trajectory()
        for _ in range(self._settings.episode_steps):
            action = self._action(oracle, observation, info, action_noise)
            next_observation, _, _, _, info = self._environment.step(action)
            if oracle.done:
                target_observation, target_info = self._environment.set_new_target(p_stack=stacking)
                oracle = self._oracles[target_info["privileged/target_task"]]
                oracle.reset(target_observation, target_info)
            trajectory.append(observation, action, info)
            observation = next_observation
        episode = trajectory.finish()
        return episode if self._name.environment != "scene" or cube_in_reach(episode["qpos"]) else None

    def _stacking_probability(self) -> float:
        bounds = _STACKING.get(self._name.environment)
        return _FIXED_STACKING if bounds is None else np.random.uniform(*bounds)

    def _action(self, oracle: Any, observation: np.ndarray, info: dict[str, Any], noise: float | None) -> np.ndarray:
        if np.random.rand() < self._settings.random_action_probability:
            return np.random.uniform(-1, 1, size=len(_NOISE_SHAPE))
        action = np.asarray(oracle.select_action(observation, info))
        if noise is not None:
            action = action + np.random.normal(0, noise * _NOISE_SHAPE)
        return np.clip(action, -1, 1)


def cube_in_reach(qpos: np.ndarray) -> bool:
    """Return whether the scene's cube stayed where the arm and the camera reach it, or lay in the drawer.

    Args:
        qpos: Joint positions of one scene episode, shape (T, 25), metres and radians.
    """
    y, z = qpos[:, _CUBE_X + 1], qpos[:, _CUBE_X + 2]
    outside_drawer = (z < 0.06) | (z > 0.08)
    return not bool(np.any(y >= 0.29) or np.any((y <= -0.3) & outside_drawer))


def _oracles(environment: Any, name: DatasetName, settings: Settings) -> dict[str, Any]:
    """Return the oracle of each kind of target: cube, button, drawer, window."""
    classes = _plan_classes() if name.kind == "play" else _markov_classes()
    if name.kind == "play":
        common: dict[str, Any] = {"noise": settings.noise, "noise_smoothing": SMOOTHING}
    else:
        common = {"min_norm": MARKOV_MIN_NORM}
    if name.environment.startswith("puzzle"):
        return {"button": classes["button"](env=environment, gripper_always_closed=True, **common)}
    if name.environment == "scene":
        patience = {"max_step": 100} if name.kind == "noisy" else {}
        cube = classes["cube"](env=environment, **patience, **common)
        return {target: oracle(env=environment, **common) for target, oracle in classes.items()} | {"cube": cube}
    return {"cube": classes["cube"](env=environment, **common)}


def _plan_classes() -> dict[str, Any]:
    from ogbench.manipspace.oracles.plan.button_plan import ButtonPlanOracle
    from ogbench.manipspace.oracles.plan.cube_plan import CubePlanOracle
    from ogbench.manipspace.oracles.plan.drawer_plan import DrawerPlanOracle
    from ogbench.manipspace.oracles.plan.window_plan import WindowPlanOracle

    return {"cube": CubePlanOracle, "button": ButtonPlanOracle, "drawer": DrawerPlanOracle, "window": WindowPlanOracle}


def _markov_classes() -> dict[str, Any]:
    from ogbench.manipspace.oracles.markov.button_markov import ButtonMarkovOracle
    from ogbench.manipspace.oracles.markov.cube_markov import CubeMarkovOracle
    from ogbench.manipspace.oracles.markov.drawer_markov import DrawerMarkovOracle
    from ogbench.manipspace.oracles.markov.window_markov import WindowMarkovOracle

    return {
        "cube": CubeMarkovOracle,
        "button": ButtonMarkovOracle,
        "drawer": DrawerMarkovOracle,
        "window": WindowMarkovOracle,
    }
