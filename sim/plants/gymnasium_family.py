"""Gymnasium's MuJoCo environments, such as Hopper; they know returns and no success."""

from __future__ import annotations

from typing import Any

from sim.plants.environment import Customs, EnvironmentPlant
from sim.plants.family import Family, make
from sim.plants.rendering import FRAME_HEIGHT, FRAME_WIDTH
from sim.plants.simulation import MujocoEnvSimulation

_HOME = "gymnasium.envs.mujoco."


def _owns(name: str, entry_point: str) -> bool:
    # Versions below 5 are kept by Gymnasium for old results and warn at every start.
    return entry_point.startswith(_HOME) and name.endswith("-v5")


def _open(environment_id: str, render: bool) -> EnvironmentPlant:
    mode: dict[str, Any] = {"render_mode": "rgb_array", "width": FRAME_WIDTH, "height": FRAME_HEIGHT} if render else {}
    environment = make(environment_id, mode)
    customs = Customs(draw=environment.render if render else None)
    inner = environment.unwrapped
    return EnvironmentPlant(environment_id, environment, MujocoEnvSimulation(inner, inner._get_obs), customs)


GYMNASIUM = Family(owns=_owns, open=_open, knows_success=False)
