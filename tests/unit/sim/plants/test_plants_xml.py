"""A robot of one's own: what its file says is what is observed, commanded and rewarded."""

from __future__ import annotations

import shutil
from pathlib import Path

import mujoco
import numpy as np
import pytest

from sim.plants import knows_success, open_plant
from vgf_robot.errors import ConfigError, PlantError, VgfError

EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "my-arm"


def write(folder: Path, old: str = "", new: str = "", file: str = "arm.yaml") -> str:
    """Copy the example, with one text in one of its files replaced."""
    copy = folder / "robot"
    shutil.copytree(EXAMPLE, copy)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    return str(copy / "arm.yaml")


def test_entries_stand_in_the_files_order() -> None:
    plant = open_plant(str(EXAMPLE / "arm.yaml"))
    observation = plant.reset(4)
    data = plant.physics().data
    assert observation[:2] == pytest.approx(data.qpos)
    assert observation[4:7] == pytest.approx(data.site("tip").xpos)
    assert observation[7:10] == pytest.approx(data.site("target").xpos)
    transition = plant.apply(np.array([0.4, -0.4], np.float32))
    assert transition.observation[2:4] == pytest.approx(data.qvel)
    assert transition.observation[10] == pytest.approx(data.sensordata[0])
    distance = np.linalg.norm(data.site("tip").xpos - data.site("target").xpos)
    assert transition.reward == pytest.approx(-distance)
    plant.close()


def test_the_goal_ends_the_episode_where_it_is_reached() -> None:
    plant = open_plant(str(EXAMPLE / "arm.yaml"))
    plant.reset(4)
    data, transition = plant.physics().data, None
    for _ in range(100):
        gap = data.site("target").xpos - data.site("tip").xpos
        jacobian = np.zeros((3, 2))
        mujoco.mj_jacSite(plant.physics().model, data, jacobian, None, data.site("tip").id)
        aim = data.qpos + 0.3 * np.linalg.pinv(jacobian, 0.1) @ gap
        transition = plant.apply(np.clip(aim, plant.action_low, plant.action_high).astype(np.float32))
        if transition.done:
            break
    assert transition is not None
    assert (transition.done, transition.success) == (True, True)
    assert transition.reward >= -0.03
    with pytest.raises(PlantError, match="no episode under way"):
        plant.apply(np.zeros(2, np.float32))
    plant.close()


def test_the_time_limit_ends_it_else(tmp_path: Path) -> None:
    plant = open_plant(write(tmp_path, "time_limit_s: 4.0", "time_limit_s: 0.12"))
    plant.reset(0)
    done = [plant.apply(np.zeros(2, np.float32)).done for _ in range(3)]
    assert done == [False, False, True]


def test_without_a_goal_there_is_no_reward_and_no_success(tmp_path: Path) -> None:
    path = write(tmp_path, "goal: {site: tip, target: target, within_m: 0.03}\n", "")
    text = Path(path).read_text()
    lines = [line for line in text.splitlines() if "target_" not in line]
    Path(path).write_text("\n".join(lines))
    plant = open_plant(path)
    plant.reset(0)
    transition = plant.apply(np.zeros(2, np.float32))
    assert (transition.reward, transition.success) == (0.0, None)
    assert not knows_success(path)
    assert knows_success(str(EXAMPLE / "arm.yaml"))


def test_the_start_is_drawn_inside_of_its_bounds(tmp_path: Path) -> None:
    plant = open_plant(write(tmp_path, "joint_noise: 0.3", "joint_noise: 9.0"))
    poses = np.array([plant.reset(seed) for seed in range(50)])
    assert (np.abs(poses[:, :2]) <= [2.6001, 2.4001]).all()
    assert (poses[:, 7:9] >= [0.149, -0.351]).all()
    assert (poses[:, 7:9] <= [0.401, 0.351]).all()
    assert poses[:, 8].std() > 0.1


@pytest.mark.parametrize(
    ("old", "new", "file", "error", "message"),
    [
        ("elbow]}\n  - {kind: joint_v", "elbw]}\n  - {kind: joint_v", "arm.yaml", PlantError, "did you mean 'elbow'"),
        ("shoulder_servo, elbow_servo", "shoulder_motor", "arm.yaml", PlantError, "no actuator 'shoulder_motor'"),
        ("[tip, target]", "[tp]", "arm.yaml", PlantError, "no site 'tp'; did you mean 'tip'"),
        ("control_period_s: 0.04", "control_period_s: 0.005", "arm.yaml", PlantError, "whole number of the model's"),
        ("model: arm.xml", "model: leg.xml", "arm.yaml", ConfigError, "leg.xml does not exist"),
        ("within_m", "within", "arm.yaml", ConfigError, "did you mean 'within_m'"),
        ("joint_positions", "joint_angles", "arm.yaml", ConfigError, "joint_angles"),
        ("  target_high: [0.40, 0.35, 0.1]\n", "", "arm.yaml", ConfigError, "together"),
        ("[0.15, -0.35, 0.1]", "[0.15, 0.45, 0.1]", "arm.yaml", ConfigError, "above"),
        ("start:\n", "start:\n  keyframe: home\n", "arm.yaml", PlantError, "no key 'home'"),
        ("<sensor>", "<senser>", "arm.xml", PlantError, "cannot be loaded by MuJoCo"),
        (' ctrlrange="-2.6 2.6"', "", "arm.xml", PlantError, "'shoulder_servo' has no ctrlrange"),
        ("target: target", "target: tip", "arm.yaml", PlantError, "'tip' hangs on a body"),
    ],
)
def test_a_file_that_will_not_do_is_one_sentence(
    tmp_path: Path, old: str, new: str, file: str, error: type[VgfError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        open_plant(write(tmp_path, old, new, file))
    assert "\n" not in str(caught.value)


def test_a_simulation_that_explodes_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log where it is
    plant = open_plant(write(tmp_path))
    plant.reset(0)
    plant.physics().data.qvel[:] = np.nan
    with pytest.raises(PlantError, match="became unstable"):
        plant.apply(np.zeros(2, np.float32))
