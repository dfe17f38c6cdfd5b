from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from sim.demo import rounds
from sim.demo.rounds import Run, Stand, run_rounds, turns
from sim.evaluation.episode import episode_seeds
from sim.evaluation.modes import ADAPTIVE, FIXED_0, FIXED_CAP
from sim.evaluation.real_time import RealTime
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant
from vgf_robot.bundle import Bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "bundle"))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Which cores were kept busy, in turn."""
    seen: list[tuple[int, ...]] = []

    @contextmanager
    def pretend(cores: Sequence[int]) -> Iterator[list[int]]:
        seen.append(tuple(cores))
        yield []

    monkeypatch.setattr(rounds, "busy_processes", pretend)
    return seen


def run(bundle: Bundle, delay_ms: float, num_rounds: int) -> tuple[list[Run], FakeDriver]:
    clock = FakeClock()
    driver = FakeDriver(clock, repeat(delay_ms))
    timing = RealTime(manifest=bundle.manifest, deadline_share=0.9, clock=clock)
    order = turns(bundle.manifest)
    drivers = {turn.label: driver for turn in order}
    stand = Stand(plant=FakePlant(num_periods=3), drivers=drivers, timing=timing, cores=(0, 1), seed=7)
    runs = run_rounds(stand, order, 0.0, num_rounds, lambda _: None)
    return runs, driver


def test_modes_take_turns_on_the_same_episodes(bundle: Bundle, loads: list[tuple[int, ...]]) -> None:
    runs, driver = run(bundle, delay_ms=10, num_rounds=2)
    assert [(each.turn.mode.name, each.turn.loaded) for each in runs] == [
        (FIXED_0, True),
        (FIXED_CAP, True),
        (ADAPTIVE, True),
        (ADAPTIVE, False),
    ]
    seeds = [episode_seeds(7, index)[1] for index in range(2)]
    assert driver.seeds == [seeds[0]] * 4 + [seeds[1]] * 4
    assert loads == [(0, 1), (), (0, 1), ()]
    assert [len(each.episodes) for each in runs] == [2, 2, 2, 2]
    assert [len(each.trace.episodes) for each in runs] == [2, 2, 2, 2]


def test_only_the_fixed_cap_is_not_told_the_deadline(bundle: Bundle, loads: list[tuple[int, ...]]) -> None:
    _, driver = run(bundle, delay_ms=10, num_rounds=1)
    told = [deadline is not None for deadline in driver.deadlines_ns]
    assert told == [True] * 3 + [False] * 3 + [True] * 6


def test_misses_of_all_modes_are_counted_against_the_same_deadline(
    bundle: Bundle, loads: list[tuple[int, ...]]
) -> None:
    runs, _ = run(bundle, delay_ms=46, num_rounds=1)  # due after 45 ms
    for each in runs:
        assert each.episodes[0].num_misses == 3
        assert all(request.missed for request in each.trace.requests())
    in_time, _ = run(bundle, delay_ms=44, num_rounds=1)
    assert all(each.episodes[0].num_misses == 0 for each in in_time)
    assert not any(request.missed for each in in_time for request in each.trace.requests())


def test_settings_differ_in_steps_alone(bundle: Bundle) -> None:
    none, cap, adaptive, idle = (turn.mode.setting for turn in turns(bundle.manifest))
    assert cap == adaptive == idle
    assert (none.max_steps, cap.max_steps) == (0, bundle.manifest.operating_point.max_steps)
    assert none.num_particles == cap.num_particles
    assert np.all([none.selection == cap.selection, none.step_size is None])
