"""What every plant must do, whichever simulator is behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sim.plants import DivisiblePlant, open_plant
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.errors import PlantError

ARM = str(Path(__file__).parents[2] / "docs" / "examples" / "my-arm" / "arm.yaml")


class Facts(NamedTuple):
    period_s: float
    num_substeps: int
    observation_size: int
    action_size: int
    knows_success: bool


class Case(NamedTuple):
    plant: DivisiblePlant
    facts: Facts


PLANTS = {
    "fake": Facts(0.05, 5, 3, 2, True),
    "Hopper-v5": Facts(0.008, 4, 11, 3, False),
    "Walker2d-v5": Facts(0.008, 4, 17, 6, False),
    "HalfCheetah-v5": Facts(0.05, 5, 17, 6, False),
    "Ant-v5": Facts(0.05, 5, 105, 8, False),
    "pointmaze-medium-singletask-v0": Facts(0.1, 5, 2, 2, True),
    "pointmaze-teleport-singletask-v0": Facts(0.1, 5, 2, 2, True),
    "antmaze-medium-singletask-v0": Facts(0.1, 5, 29, 8, True),
    "humanoidmaze-medium-singletask-v0": Facts(0.025, 5, 69, 21, True),
    "antsoccer-arena-singletask-v0": Facts(0.1, 5, 42, 8, True),
    "cube-single-singletask-v0": Facts(0.05, 25, 28, 5, True),
    "scene-singletask-v0": Facts(0.05, 25, 40, 5, True),
    "puzzle-3x3-singletask-v0": Facts(0.05, 25, 55, 5, True),
    "AntMaze_UMaze-v5": Facts(0.05, 5, 109, 8, True),
    "PointMaze_UMaze-v3": Facts(0.01, 1, 6, 2, True),
    "AdroitHandDoor-v1": Facts(0.01, 5, 39, 28, True),
    "AdroitHandPen-v1": Facts(0.01, 5, 45, 24, True),
    "AdroitHandHammer-v1": Facts(0.01, 5, 46, 26, True),
    "AdroitHandRelocate-v1": Facts(0.01, 5, 39, 30, True),
    "FrankaKitchen-v1": Facts(0.08, 40, 59, 9, True),
    ARM: Facts(0.04, 20, 11, 2, True),
}
NUM_PERIODS = 4


@pytest.fixture(scope="module", params=PLANTS, ids=lambda name: Path(name).name)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    plant = FakePlant() if request.param == "fake" else open_plant(request.param)
    yield Case(plant, PLANTS[request.param])
    plant.close()
    plant.close()


def actions(plant: DivisiblePlant, num_periods: int = NUM_PERIODS) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(plant.action_low, plant.action_high).astype(np.float32) for _ in range(num_periods)]


def trajectory(
    plant: DivisiblePlant, seed: int, apply: Callable[[DivisiblePlant, np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """The observations of an episode, however each action is applied."""
    observations = [plant.reset(seed)]
    for action in actions(plant):
        observations.append(plant.apply(action).observation if apply is None else apply(plant, action))
    return np.array(observations)


def test_it_says_its_period_and_sizes(case: Case) -> None:
    plant, facts = case
    assert plant.control_period_s == pytest.approx(facts.period_s, rel=1e-9)
    assert plant.num_substeps == facts.num_substeps
    assert (plant.observation_size, plant.action_size) == (facts.observation_size, facts.action_size)
    for bound in (plant.action_low, plant.action_high):
        assert (bound.shape, bound.dtype) == ((facts.action_size,), np.float32)
    assert (plant.action_low < plant.action_high).all()


def test_a_period_brings_a_transition(case: Case) -> None:
    plant, facts = case
    first = plant.reset(3)
    transition = plant.apply(np.zeros(facts.action_size, np.float32))
    for observation in (first, transition.observation):
        assert (observation.shape, observation.dtype) == ((facts.observation_size,), np.float32)
        assert np.isfinite(observation).all()
    assert isinstance(transition.reward, float)
    assert isinstance(transition.done, bool)
    assert transition.success is (False if facts.knows_success else None)


def test_the_seed_alone_decides_the_episode(case: Case) -> None:
    plant = case.plant
    expected = trajectory(plant, 11)
    assert not np.array_equal(trajectory(plant, 12), expected)
    assert np.array_equal(trajectory(plant, 11), expected)


def test_the_callers_random_numbers_are_left_alone(case: Case) -> None:
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    trajectory(case.plant, 11)
    assert np.array_equal(np.random.random(3), expected)


def test_without_a_renderer_there_is_no_frame(case: Case) -> None:
    assert case.plant.render() is None


def test_an_action_that_takes_effect_at_once_is_the_whole_period(case: Case) -> None:
    plant = case.plant

    def at_once(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
        plant.apply_part(None, 0)
        return plant.apply(action).observation

    def in_parts(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
        half = plant.num_substeps // 2
        plant.apply_part(action, half)
        plant.apply_part(None, plant.num_substeps - half)
        return plant.apply(None).observation

    def stays(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
        plant.apply_part(action, 0)
        return plant.apply(None).observation

    expected = trajectory(plant, 11)
    for apply in (at_once, in_parts, stays):
        assert np.array_equal(trajectory(plant, 11, apply), expected), apply.__name__


def test_rewards_of_a_divided_period_are_those_of_the_whole(case: Case) -> None:
    plant = case.plant
    plant.reset(11)
    expected = [(step.reward, step.success, step.done) for step in map(plant.apply, actions(plant))]
    plant.reset(11)
    for action, whole in zip(actions(plant), expected, strict=True):
        plant.apply_part(action, plant.num_substeps)
        transition = plant.apply(None)
        assert (transition.reward, transition.success, transition.done) == whole


def test_what_comes_late_takes_effect_late(case: Case) -> None:
    plant = case.plant

    def late(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
        plant.apply_part(None, plant.num_substeps - plant.num_substeps // 2)
        return plant.apply(action).observation

    found = trajectory(plant, 11, late)
    assert np.array_equal(found, trajectory(plant, 11, late))
    assert not np.array_equal(found, trajectory(plant, 11))


def test_a_divided_period_takes_as_long_as_a_whole_one(case: Case) -> None:
    plant = case.plant
    plant.reset(3)
    if isinstance(plant, FakePlant):
        pytest.skip("there is no physics")
    data = plant.physics().data
    for count in (0, 1, plant.num_substeps):
        before_s = data.time
        plant.apply_part(actions(plant)[0], count)
        plant.apply(actions(plant)[1])
        assert data.time - before_s == pytest.approx(plant.control_period_s, rel=1e-6)


def test_its_physics_is_what_it_observes(case: Case) -> None:
    plant = case.plant
    first = plant.reset(3)
    if isinstance(plant, FakePlant):
        with pytest.raises(PlantError, match="no MuJoCo model"):
            plant.physics()
        return
    physics = plant.physics()
    tolerance = 0.05 if "Kitchen" in plant.environment_id else 0  # its sensors are noisy, anew at each look
    np.testing.assert_allclose(physics.observe(), first, rtol=0, atol=tolerance)
    physics.data.qpos[:] += 0.25
    assert not np.allclose(physics.observe(), first, rtol=0, atol=0.1)


def test_misuse_is_refused(case: Case) -> None:
    plant = case.plant
    plant.reset(3)
    action = np.zeros(plant.action_size, np.float32)
    plant.apply_part(action, plant.num_substeps)
    for count in (1, -1):
        with pytest.raises(PlantError, match="which the period has left"):
            plant.apply_part(None, count)
    with pytest.raises(PlantError, match=rf"{plant.action_size} finite action entries, found shape \(99,\)"):
        plant.apply_part(np.zeros(99, np.float32), 0)
    plant.apply(action)
    plant.apply_part(None, plant.num_substeps)
