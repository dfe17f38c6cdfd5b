from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.evaluation.episode import Episode
from sim.evaluation.real_time import RealTime, run_real_time
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Rung

PERIOD_NS = 50_000_000
SAFE = (-1.0, 0.5)


def run(
    folder: Path, clock: FakeClock, driver: FakeDriver, action_kind: str = "delta", num_periods: int = 5
) -> tuple[Episode, np.ndarray]:
    manifest = Bundle.load(make_bundle(folder / "bundle", action_kind=action_kind, safe_action=SAFE)).manifest
    plant = FakePlant(num_periods)
    timing = RealTime(manifest=manifest, deadline_share=0.8, clock=clock)
    episode = run_real_time(plant, driver, Budget(), (1, 2), timing)
    return episode, np.array(plant.applied)


def test_every_period_is_asked_at_its_grid_point_and_due_at_its_share(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [10.0] * 5)
    episode, applied = run(tmp_path, clock, driver)
    start_ns = driver.asked_ns[0]
    assert driver.asked_ns == [start_ns + k * PERIOD_NS for k in range(5)]
    assert driver.deadlines_ns == [start_ns + k * PERIOD_NS + 40_000_000 for k in range(5)]
    assert applied[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert (episode.num_periods, episode.num_misses, episode.steps) == (5, 0, 10)
    assert episode.fallbacks == {}


def test_a_late_action_is_not_used_and_counts_as_a_miss(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [10.0, 45.0, 10.0, 40.0, 10.0])  # 45 is past the deadline, 40 is at it
    episode, applied = run(tmp_path, clock, driver)
    assert applied.tolist() == [[1, 0], list(SAFE), [3, 0], [4, 0], [5, 0]]
    assert (episode.num_misses, episode.fallbacks) == (1, {"late_reply": 1})
    assert driver.asked_ns[2] - driver.asked_ns[0] == 2 * PERIOD_NS  # the grid does not move


def test_an_absolute_action_is_held_until_it_expires(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [0.0] * 5, silent=lambda number: number > 1)  # actions are valid for two periods
    episode, applied = run(tmp_path, clock, driver, action_kind="absolute")
    assert applied.tolist() == [[1, 0], [1, 0], list(SAFE), list(SAFE), list(SAFE)]
    assert (episode.num_misses, episode.fallbacks) == (4, {"no_reply": 4})


@pytest.mark.parametrize("action_kind", ["delta", "velocity", "torque"])
def test_what_would_move_the_robot_again_is_never_held(tmp_path: Path, action_kind: str) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [0.0] * 5, silent=lambda number: number == 2)
    _, applied = run(tmp_path, clock, driver, action_kind=action_kind)
    assert applied[1].tolist() == list(SAFE)


def test_periods_that_an_overrun_has_eaten_are_misses_and_are_not_asked_again(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [175.0, 10.0, 10.0, 10.0])  # until 25 ms into the fourth period
    episode, applied = run(tmp_path, clock, driver, num_periods=6)
    start_ns = driver.asked_ns[0]
    # Periods 1 and 2 are over; the fourth, of which 15 ms to the deadline are left, is asked at once, then the grid.
    assert [asked_ns - start_ns for asked_ns in driver.asked_ns] == [0, 175_000_000, 200_000_000, 250_000_000]
    assert episode.num_periods == len(applied) == 6
    assert episode.num_misses == 3
    assert episode.fallbacks == {"late_reply": 1, "skipped_period": 2}


def test_an_action_off_the_ladder_is_used_and_is_a_miss_by_its_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [1.0] * 5, rung=lambda number: Rung.SAFE if number == 3 else Rung.TRANSPORT)
    episode, applied = run(tmp_path, clock, driver)
    assert applied[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert (episode.num_misses, episode.fallbacks) == (1, {"no_time_for_reference": 1})


def test_rescored_particles_are_fresh_and_still_a_fallback(tmp_path: Path) -> None:
    clock = FakeClock()
    driver = FakeDriver(clock, [1.0] * 5, rung=lambda number: Rung.RESCORED if number == 3 else Rung.TRANSPORT)
    episode, _ = run(tmp_path, clock, driver)
    assert (episode.num_misses, episode.fallbacks) == (0, {"no_time_for_reference": 1})
