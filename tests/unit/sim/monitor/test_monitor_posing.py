"""Models are posed from observations, where those say enough."""

import mujoco
import numpy as np
import pytest

from sim.monitor.posing import find_pose
from sim.plants import open_plant


@pytest.mark.parametrize(
    ("environment", "note"),
    [
        ("Hopper-v5", "how far it has gone is not observed: it stays in its place"),
        ("cube-single-singletask-v0", ""),
        ("docs/examples/my-arm/arm.yaml", ""),
    ],
)
def test_a_posed_model_is_observed_as_what_posed_it(environment, note):
    plant = open_plant(environment)
    pose = find_pose(plant)
    assert pose is not None
    assert pose.note == note
    plant.reset(3)
    for _ in range(5):
        observation = plant.apply(plant.action_high).observation
    expected = observation.copy()
    plant.reset(4)
    physics = plant.physics()
    pose.put(physics.data, expected)
    mujoco.mj_forward(physics.model, physics.data)
    assert np.allclose(physics.observe()[pose.entries], expected[pose.entries], atol=2e-3)
    plant.close()


def test_an_observation_that_does_not_say_enough_poses_nothing():
    plant = open_plant("Reacher-v5")
    assert find_pose(plant) is None
    plant.close()


def test_the_grippers_fingers_close_as_the_observation_says():
    plant = open_plant("cube-single-singletask-v0")
    pose = find_pose(plant)
    observation = plant.reset(0)
    physics = plant.physics()
    gaps = []
    for opening in (0.0, 1.5, 2.9):
        observation[17] = opening
        pose.put(physics.data, observation)
        mujoco.mj_forward(physics.model, physics.data)
        left, right = (physics.data.body(f"ur5e/robotiq/{side}_pad").xpos for side in ("left", "right"))
        gaps.append(float(np.linalg.norm(left - right)))
    assert gaps[0] > gaps[1] > gaps[2]
    plant.close()
