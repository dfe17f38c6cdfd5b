"""Which observations pose which model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.monitor.posing.arm import ArmPose
from sim.monitor.posing.pose import Pose
from sim.monitor.posing.sources import SourcesPose
from sim.monitor.posing.state import StatePose
from sim.plants import DivisiblePlant, Physics
from sim.plants.engine import mujoco
from sim.plants.xml_robot import is_robot_file

# Positions that come back within this are those that went in: observations are float32, some scaled by ten.
_TOLERANCE = 2e-3
_NUM_TRIED = 12
_MOST_HIDDEN = 2


def find_pose(plant: DivisiblePlant) -> Pose | None:
    """Return what poses the plant's model, or None where its observations do not say enough.

    Args:
        plant: Is reset and moved.
    """
    plant.reset(0)
    return next((pose for pose in _candidates(plant, plant.physics()) if _comes_back(plant, pose)), None)


def _candidates(plant: DivisiblePlant, physics: Physics) -> Iterator[Pose]:
    model = physics.model
    if is_robot_file(plant.environment_id):
        yield SourcesPose(plant.environment_id, model)
    elif ArmPose.knows(model, plant.observation_size):
        yield ArmPose(physics)
    else:
        for hidden in range(_MOST_HIDDEN + 1):
            if plant.observation_size >= model.nq - hidden:
                yield StatePose(model, hidden)


def _comes_back(plant: DivisiblePlant, pose: Pose) -> bool:
    """Return whether states that are written from observations are observed as the same again."""
    observation, middle = plant.reset(0), (plant.action_low + plant.action_high) / 2
    swing = (plant.action_high - plant.action_low) / 2
    for index in range(_NUM_TRIED):
        physics = plant.physics()
        before = physics.data.qpos.copy(), physics.data.qvel.copy()
        physics.data.qpos[:] = physics.model.qpos0  # so that nothing is there which was not written
        pose.put(physics.data, observation)
        mujoco().mj_forward(physics.model, physics.data)
        seen = physics.observe()
        physics.data.qpos[:], physics.data.qvel[:] = before
        mujoco().mj_forward(physics.model, physics.data)
        if not pose.entries.size or not np.allclose(seen[pose.entries], observation[pose.entries], atol=_TOLERANCE):
            return False
        transition = plant.apply((middle + 0.5 * swing * np.sin(index)).astype(np.float32))
        observation = plant.reset(index + 1) if transition.done else transition.observation
    return True
