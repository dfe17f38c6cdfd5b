"""OGBench's single tasks with state vectors: mazes for point, ant and humanoid, ant soccer, and tables for an arm.

A task ends where it is solved, so "solved at any step" and OGBench's "solved at the last step" are the same. The arms
(cube, scene, puzzle) look at success before they move: it shows one period later, and what the last period of the time
limit brought does not count.
"""

from __future__ import annotations

from typing import Any

from sim.plants.environment import Customs, EnvironmentPlant, Info
from sim.plants.family import Family, make
from sim.plants.ogbench_simulations import ArmSimulation, PointSimulation
from sim.plants.rendering import FRAME_HEIGHT, FRAME_WIDTH
from sim.plants.simulation import MujocoEnvSimulation, Simulation

_HOME = "ogbench."


def _owns(name: str, entry_point: str) -> bool:
    return entry_point.startswith(_HOME) and "-singletask-" in name and not name.startswith("visual-")


def _open(environment_id: str, render: bool) -> EnvironmentPlant:
    # OGBench's environments draw on demand whatever their render mode is, which Gymnasium would only warn about.
    environment = make(environment_id, {"width": FRAME_WIDTH, "height": FRAME_HEIGHT})
    customs = Customs(
        read_success=_success,
        draw=environment.unwrapped.render if render else None,
        steps_draw_globally="-teleport-" in environment_id,
    )
    return EnvironmentPlant(environment_id, environment, _simulation(environment_id, environment.unwrapped), customs)


def _simulation(environment_id: str, environment: Any) -> Simulation:
    if hasattr(environment, "set_control"):
        return ArmSimulation(environment)
    if environment_id.startswith("pointmaze-"):
        return PointSimulation(environment)
    return MujocoEnvSimulation(environment, environment.get_ob)


def _success(info: Info) -> bool:
    return bool(info["success"])


OGBENCH = Family(owns=_owns, open=_open, knows_success=True)
