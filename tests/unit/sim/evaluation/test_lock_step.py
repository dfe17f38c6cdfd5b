from __future__ import annotations

import numpy as np
import pytest

from sim.evaluation.lock_step import run_lock_step
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant
from vgf_robot.controller import Budget, Rung
from vgf_robot.errors import ServerError


def test_every_period_waits_for_its_action_however_long_it_takes() -> None:
    plant, driver = FakePlant(), FakeDriver(FakeClock(), [1e6] * 5)
    episode = run_lock_step(plant, driver, Budget(), (1, 2))
    assert np.array(plant.applied)[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert driver.deadlines_ns == [None] * 5
    assert driver.seeds == [2]
    assert (episode.num_periods, episode.num_misses, episode.steps) == (5, 0, 10)
    assert (episode.success, len(episode.displacement)) == (False, 5)
    assert episode.latencies_ms["step"] == (0.5,) * 10
    assert "select" not in episode.latencies_ms  # it did not run, and took no time


def test_an_action_that_used_nothing_of_the_observation_is_a_miss_here_too() -> None:
    driver = FakeDriver(FakeClock(), [0.0] * 5, rung=lambda number: Rung.SAFE if number < 3 else Rung.TRANSPORT)
    episode = run_lock_step(FakePlant(), driver, Budget(), (1, 2))
    assert (episode.num_misses, episode.fallbacks) == (2, {"no_time_for_reference": 2})


def test_silence_ends_the_episode() -> None:
    driver = FakeDriver(FakeClock(), [0.0] * 5, silent=lambda number: number == 2)
    with pytest.raises(ServerError, match="no answer"):
        run_lock_step(FakePlant(), driver, Budget(), (1, 2))
