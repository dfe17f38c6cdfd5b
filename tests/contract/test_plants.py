"""What every plant must do, whichever simulator is behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sim.plants import Plant, open_plant
from tests.unit.sim.evaluation.fakes import FakePlant

PLANTS: dict[str, tuple[Callable[[], Plant], float, int, int, bool]] = {
    # how to open it; period in seconds, observation and action size, whether it knows success
    "fake": (FakePlant, 0.05, 3, 2, True),
    "hopper": (lambda: open_plant("Hopper-v5"), 0.008, 11, 3, False),
    "pointmaze": (lambda: open_plant("pointmaze-medium-singletask-v0"), 0.1, 2, 2, True),
    "cube": (lambda: open_plant("cube-single-singletask-v0"), 0.05, 28, 5, True),
}
NUM_PERIODS = 5


@pytest.fixture(scope="module", params=PLANTS)
def case(request: pytest.FixtureRequest) -> Iterator[tuple[Plant, float, int, int, bool]]:
    opener, *facts = PLANTS[request.param]
    plant = opener()
    yield (plant, *facts)
    plant.close()
    plant.close()


def trajectory(plant: Plant, seed: int, num_periods: int = NUM_PERIODS) -> np.ndarray:
    rng = np.random.default_rng(0)
    observations = [plant.reset(seed)]
    for _ in range(num_periods):
        action = rng.uniform(plant.action_low, plant.action_high).astype(np.float32)
        observations.append(plant.apply(action).observation)
    return np.array(observations)


def test_it_says_its_period_and_sizes(case: tuple[Plant, float, int, int, bool]) -> None:
    plant, period_s, observation_size, action_size, _ = case
    assert plant.control_period_s == pytest.approx(period_s, rel=1e-9)
    assert (plant.observation_size, plant.action_size) == (observation_size, action_size)
    for bound in (plant.action_low, plant.action_high):
        assert (bound.shape, bound.dtype) == ((action_size,), np.float32)
    assert (plant.action_low < plant.action_high).all()


def test_a_period_brings_a_transition(case: tuple[Plant, float, int, int, bool]) -> None:
    plant, _, observation_size, action_size, knows_success = case
    first = plant.reset(3)
    transition = plant.apply(np.zeros(action_size, np.float32))
    for observation in (first, transition.observation):
        assert (observation.shape, observation.dtype) == ((observation_size,), np.float32)
        assert np.isfinite(observation).all()
    assert isinstance(transition.reward, float)
    assert isinstance(transition.done, bool)
    assert transition.success is (False if knows_success else None)


def test_the_seed_alone_decides_the_episode(case: tuple[Plant, float, int, int, bool]) -> None:
    plant = case[0]
    expected = trajectory(plant, 11)
    assert not np.array_equal(trajectory(plant, 12, num_periods=2)[0], expected[0])
    assert np.array_equal(trajectory(plant, 11), expected)


def test_the_callers_random_numbers_are_left_alone(case: tuple[Plant, float, int, int, bool]) -> None:
    plant = case[0]
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    trajectory(plant, 11, num_periods=2)
    assert np.array_equal(np.random.random(3), expected)


def test_without_a_renderer_there_is_no_frame(case: tuple[Plant, float, int, int, bool]) -> None:
    assert case[0].render() is None
