"""Every number of steps is timed equally often, without the warm-up, on observations the policy may see."""

import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.clocks import MS, FakeClock, FakeGraphs, scripted
from vgf_robot.bench import BenchSettings, latency_rows, measure
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller
from vgf_robot.errors import BundleError, ConfigError

LATENCIES = ("tick_ms", "reference_ms", "step_ms", "select_ms")


@pytest.fixture
def make_controller(tmp_path):
    def make(max_steps=3, **graphs) -> Controller:
        manifest = Bundle.load(make_bundle(tmp_path / "bundle", max_steps=max_steps)).manifest
        clock = FakeClock()
        return Controller(manifest, {(4, 2): FakeGraphs(clock, **graphs)}, clock=clock)

    return make


def test_rows_hold_what_each_stage_took(make_controller):
    rows = latency_rows(measure(make_controller(), BenchSettings(ticks=5)), {"backend": "fake"})
    assert [row["max_steps"] for row in rows] == [0, 1, 2, 3]
    for steps, row in enumerate(rows):
        assert row["backend"] == "fake"
        # Reference 2 ms, step 1 ms, select 1 ms.
        expected = {"tick_ms": 3.0 + steps, "reference_ms": 2.0, "step_ms": 1.0, "select_ms": 1.0}
        for name in LATENCIES if steps else ("tick_ms", "reference_ms", "select_ms"):
            assert row[name] == dict.fromkeys(("p50", "p95", "p99", "p999", "max"), expected[name])
    assert rows[0]["step_ms"] is None


def test_a_cap_of_zero_gives_one_row(make_controller):
    rows = latency_rows(measure(make_controller(max_steps=0), BenchSettings(ticks=1)), {})
    assert [row["max_steps"] for row in rows] == [0]


def test_the_warm_up_is_left_out(make_controller):
    settings = BenchSettings(ticks=3, warm_up_ticks=2)
    slow_first = scripted([500 * MS] * 8, then_ns=2 * MS)  # two rounds of four numbers of steps
    timings = measure(make_controller(reference_cost=slow_first), settings)
    assert all(len(kept) == 3 for kept in timings.values())
    assert {timing.reference_ns for kept in timings.values() for timing in kept} == {2 * MS}


def test_progress_counts_every_round(make_controller):
    seen: list[int] = []
    measure(make_controller(), BenchSettings(ticks=3, warm_up_ticks=2), seen.append)
    assert seen == [1, 2, 3, 4, 5]


def test_observations_are_varied_and_inside_the_range_seen_in_training(make_controller):
    controller = make_controller()
    seen: list[np.ndarray] = []
    run = controller.tick

    def tick(episode, observation, *rest):
        command = run(episode, observation, *rest)
        assert command.num_outside == 0
        seen.append(observation.copy())
        return command

    controller.tick = tick
    measure(controller, BenchSettings(ticks=50))
    assert len(np.unique(seen, axis=0)) == len(seen)
    assert (np.ptp(seen, axis=0) > 1.0).all()


def test_a_tick_that_fell_back_is_no_measurement(make_controller):
    controller = make_controller(action=lambda particle: particle * np.nan)
    with pytest.raises(BundleError, match=r"fallback 'safe' \(non_finite_action\) at 0 steps"):
        measure(controller, BenchSettings(ticks=1))


@pytest.mark.parametrize(("name", "value"), [("ticks", 0), ("warm_up_ticks", -1), ("seed", -1)])
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name}: expected . or more, found {value}"):
        BenchSettings(**{"ticks": 1, name: value})
