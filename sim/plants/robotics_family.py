"""gymnasium-robotics: the mazes, the Adroit hand and the kitchen of D4RL, on current MuJoCo.

Observations of the mazes are dictionaries; a bundle sees their parts side by side. Train with the same order:
`observation_keys: [achieved_goal, observation, desired_goal]` for AntMaze, `[observation, desired_goal]` for
PointMaze, `[observation]` for the kitchen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from sim.plants.environment import Customs, EnvironmentPlant, Info
from sim.plants.family import Family, make
from sim.plants.simulation import MujocoEnvSimulation

_HOME = "gymnasium_robotics."
# Older versions need mujoco-py or are kept for old results.
_VERSIONS = {"AntMaze_": "-v5", "PointMaze_": "-v3", "AdroitHand": "-v1", "FrankaKitchen": "-v1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of environment of the package.

    Attributes:
        inner: Returns the `MujocoEnv` inside.
        observe: Returns what the outer environment observes of the state as it is.
        keys: Parts of its observation.
        success: Reads success from a step's information.
    """

    inner: Callable[[Any], Any]
    observe: Callable[[Any], Any]
    keys: tuple[str, ...]
    success: Callable[[Info], bool]


def announce() -> None:
    """Put the environments of the package into Gymnasium's registry."""
    with redirect_stderr(StringIO()):  # it prints a note on the dense rewards of Adroit's version 1
        import gymnasium_robotics  # noqa: F401  # pyright: ignore[reportUnusedImport]


def _owns(name: str, entry_point: str) -> bool:
    if not entry_point.startswith(_HOME):
        return False
    return any(name.startswith(prefix) and name.endswith(version) for prefix, version in _VERSIONS.items())


def _open(environment_id: str, render: bool) -> EnvironmentPlant:
    if environment_id.startswith("FrankaKitchen"):
        _mend_kitchen()
    environment = make(environment_id, {"render_mode": "rgb_array"} if render else {})
    kind = _KINDS[next(prefix for prefix in _VERSIONS if environment_id.startswith(prefix))]
    outer = environment.unwrapped
    simulation = MujocoEnvSimulation(kind.inner(outer), lambda: kind.observe(outer))
    customs = Customs(
        read_success=kind.success, observation_keys=kind.keys, draw=environment.render if render else None
    )
    return EnvironmentPlant(environment_id, environment, simulation, customs)


def _mend_kitchen() -> None:
    """Let the kitchen read its robot's joints; the package compares their types in a way that MuJoCo 4 does not know.

    `mjtJoint.mjJNT_HINGE == numpy.int32(3)` is false there, and so every joint is refused.
    """
    from gymnasium_robotics.envs.franka_kitchen import franka_env

    franka_env.robot_get_obs = _robot_joints  # pyright: ignore[reportPrivateImportUsage]


def _robot_joints(model: Any, data: Any, joint_names: list[str]) -> tuple[Any, Any]:
    """Return positions and velocities of the robot's joints, all of which turn or slide."""
    joints = [model.joint(name).id for name in joint_names if name.startswith("robot")]
    return data.qpos[model.jnt_qposadr[joints]].copy(), data.qvel[model.jnt_dofadr[joints]].copy()


def _said(info: Info) -> bool:
    return bool(np.all(info["success"]))


def _all_done(info: Info) -> bool:
    return not info["tasks_to_complete"]


_KINDS = {
    "AntMaze_": _Kind(
        inner=lambda outer: outer.ant_env,
        observe=lambda outer: outer._get_obs(outer.ant_env._get_obs()),
        keys=("achieved_goal", "observation", "desired_goal"),
        success=_said,
    ),
    "PointMaze_": _Kind(
        inner=lambda outer: outer.point_env,
        observe=lambda outer: outer._get_obs(outer.point_env._get_obs()[0]),
        keys=("observation", "desired_goal"),
        success=_said,
    ),
    "AdroitHand": _Kind(inner=lambda outer: outer, observe=lambda outer: outer._get_obs(), keys=(), success=_said),
    "FrankaKitchen": _Kind(
        inner=lambda outer: outer.robot_env,
        observe=lambda outer: outer._get_obs(outer.robot_env._get_obs()),
        keys=("observation",),
        success=_all_done,
    ),
}
ROBOTICS = Family(owns=_owns, open=_open, knows_success=True)
