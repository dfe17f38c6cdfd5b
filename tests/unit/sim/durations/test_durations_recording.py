from __future__ import annotations

import numpy as np
import pytest

from sim.durations import Pace, record
from tests.bundles import make_bundle
from tests.clocks import MS, FakeClock, FakeGraphs
from vgf_robot.bench import BenchSettings
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller


@pytest.fixture
def controller(tmp_path) -> Controller:
    manifest, clock = Bundle.load(make_bundle(tmp_path / "bundle")).manifest, FakeClock()
    return Controller(manifest, {(4, 2): FakeGraphs(clock)}, clock=clock)


def test_a_pace_says_how_late_a_wait_ended_and_nothing_of_what_took_long() -> None:
    clock, late = FakeClock(), [3 * MS, 0, 40 * MS]

    def sleep(seconds: float) -> None:
        clock.advance(round(seconds * 1e9) + late.pop(0))

    pace = Pace(10 * MS, clock, sleep)
    assert pace.wait() == 3 * MS
    clock.advance(2 * MS)
    assert pace.wait() == 0
    # Late by four periods is one late wake-up, and not less for having skipped some.
    assert pace.wait() == 40 * MS
    clock.advance(12 * MS)
    assert pace.wait() == 0
    assert not late


def test_every_tick_is_noted_with_its_stages_and_the_rest_with_the_selection(controller: Controller) -> None:
    waits, counts = iter(range(100)), list[int]()
    recording = record(
        controller, Budget(max_steps=2), BenchSettings(ticks=4, warm_up_ticks=3), lambda: next(waits), counts.append
    )
    durations = recording.durations(period_ns=50 * MS, deadline_ns=45 * MS, step_ns=7)
    assert durations.late.tolist() == [3, 4, 5, 6]
    assert durations.step.shape == (4, 2)
    ticks = np.array([timing.tick_ns for timing in recording.timings])
    assert np.array_equal(durations.reference + durations.step.sum(axis=1) + durations.select, ticks)
    assert counts == list(range(1, 8))


def test_where_there_is_no_step_another_time_stands_in(controller: Controller) -> None:
    recording = record(controller, Budget(max_steps=0), BenchSettings(ticks=3, warm_up_ticks=0), lambda: 0)
    assert recording.durations(1, 1, step_ns=7).step.tolist() == [[7]] * 3


def test_a_margin_that_was_learned_can_be_taken_over(controller: Controller) -> None:
    controller.recall_margin(3.0 * MS)
    assert controller.margin_ns() == 3.0 * MS
