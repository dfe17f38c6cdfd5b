from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from sim.plants import known_plants, knows_success, open_plant, require_fit
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, PlantError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cube-single-play-singletask-v0", "did you mean 'cube-single-singletask-v0'"),
        ("Hoper-v5", "did you mean 'Hopper-v5'"),
        ("nonsense", "expected one such as .*Hopper-v5"),
        ("cube-single-v0", "take 'cube-single-singletask-v0'"),
        ("visual-cube-single-singletask-v0", "observes images, .*'cube-single-singletask-v0'"),
        ("CartPole-v1", "is no plant"),
        ("AntMaze_UMaze-v4", "did you mean 'AntMaze_UMaze-v5'"),
        ("my-arm.yaml", "my-arm.yaml does not exist"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, message: str) -> None:
    with pytest.raises((PlantError, ConfigError), match=message):
        open_plant(name)


def test_which_plants_know_success_is_known_without_opening_one() -> None:
    assert knows_success("cube-single-singletask-v0")
    assert knows_success("pointmaze-medium-singletask-task2-v0")
    assert knows_success("FrankaKitchen-v1")
    assert not knows_success("Hopper-v5")
    with pytest.raises(PlantError, match=r"is no plant"):
        knows_success("Hoper-v5")


def test_all_five_tasks_and_gymnasiums_robots_are_known() -> None:
    known = known_plants()
    assert {f"cube-single-singletask-task{number}-v0" for number in range(1, 6)} <= set(known)
    assert {"Hopper-v5", "Walker2d-v5", "scene-singletask-v0", "antmaze-large-singletask-v0"} <= set(known)
    assert {"AntMaze_Large_Diverse_GR-v5", "PointMaze_Medium-v3", "AdroitHandPenSparse-v1", "FrankaKitchen-v1"} <= set(
        known
    )
    assert not any(name.startswith("visual-") for name in known)
    assert not any(name.endswith(("-v2", "-v4")) for name in known)


@pytest.mark.parametrize(("name", "height"), [("AntMaze_UMaze-v5", 2), ("PointMaze_UMaze-v3", 0)])
def test_the_parts_of_a_dictionary_stand_side_by_side(name: str, height: int) -> None:
    plant = open_plant(name)
    observation = plant.reset(3)
    data = plant.physics().data
    # Position first, as in D4RL, and the goal, which no sensor moves, last.
    assert observation[:2] == pytest.approx(data.qpos[:2])
    assert observation[height] == pytest.approx(data.qpos[height])
    after = plant.apply(plant.action_high).observation
    assert np.array_equal(after[-2:], observation[-2:])
    assert not np.array_equal(after[:-2], observation[:-2])
    plant.close()


def test_misuse_is_refused_where_the_environment_would_keep_silent() -> None:
    plant = open_plant("pointmaze-medium-singletask-v0")
    action = np.zeros(2, np.float32)
    with pytest.raises(PlantError, match="call reset"):
        plant.apply(action)
    plant.reset(0)
    with pytest.raises(PlantError, match=r"2 finite action entries, found shape \(3,\)"):
        plant.apply(np.zeros(3, np.float32))
    with pytest.raises(PlantError, match="1 that are not finite"):
        plant.apply(np.array([np.nan, 0], np.float32))
    for _ in range(1000):
        transition = plant.apply(action)
    assert transition.done  # the environment's own time limit
    with pytest.raises(PlantError, match="call reset"):
        plant.apply(action)
    plant.close()


def test_teleports_follow_the_seed_too() -> None:
    plant = open_plant("pointmaze-teleport-singletask-v0")
    ends = []
    for noise in (1, 2, 1):
        np.random.seed(noise)
        plant.reset(4)
        rng = np.random.default_rng(0)
        for _ in range(400):
            np.random.random()  # somebody else draws in between
            end = plant.apply(rng.uniform(-1, 1, 2).astype(np.float32)).observation
        ends.append(end)
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2])
    plant.close()


def test_a_bundle_that_does_not_fit_is_refused_in_one_sentence(tmp_path) -> None:
    manifest = Bundle.load(make_bundle(tmp_path / "bundle", control_period_s=0.02, environment="Other-v0")).manifest
    plant = FakePlant()
    plant.observation_size, plant.action_size = 28, 5
    with pytest.raises(PlantError) as caught:
        require_fit(manifest, plant)
    assert str(caught.value) == (
        "Bundle 'tiny' does not fit 'Test-v0': it has observations of 3 entries, the plant of 28; and actions of 2 "
        "entries, the plant of 5; and a period of 0.02 s, the plant of 0.05 s. It was made for 'Other-v0'."
    )


def test_a_bundle_that_fits_passes(tmp_path) -> None:
    require_fit(Bundle.load(make_bundle(tmp_path / "bundle")).manifest, FakePlant())


def run_python(code: str, mujoco_gl: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    environment |= {} if mujoco_gl is None else {"MUJOCO_GL": mujoco_gl}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def test_without_rendering_opengl_is_not_looked_for() -> None:
    code = """
import os, sys
from sim.plants import open_plant
assert not {"mujoco", "gymnasium", "ogbench"} & set(sys.modules)
for name in ("Hopper-v5", "HalfCheetah-v5", "FrankaKitchen-v1"):  # the last two would have something to say
    open_plant(name)
assert os.environ["MUJOCO_GL"] == "disable"
"""
    done = run_python(code, None)
    assert (done.returncode, done.stderr) == (0, "")


RENDER = """
from sim.plants import open_plant
plant = open_plant("pointmaze-medium-singletask-v0", render=True)
plant.reset(0)
frame = plant.render()
print(None if frame is None else (frame.shape, frame.dtype.name, bool(frame.std() > 1)))
plant.close()
"""


def test_where_nothing_can_render_one_line_says_so_and_the_rest_goes_on() -> None:
    done = run_python(RENDER, "disable")
    assert (done.returncode, done.stdout.strip()) == (0, "None")
    assert done.stderr.count("\n") == 1
    assert "No frames" in done.stderr


def test_with_a_renderer_there_are_frames() -> None:
    done = run_python(RENDER, None)
    assert done.returncode == 0
    if "No frames" in done.stderr and not os.environ.get("CI"):
        pytest.skip("no off-screen renderer on this machine")
    assert done.stdout.strip() == "((240, 320, 3), 'uint8', True)"
