"""Latency that passes in the simulation: an action takes effect when it comes, the same way every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.evaluation.charged_driver import ChargedDriver
from sim.evaluation.device_profile import Compute, load_times
from sim.evaluation.episode import Episode
from sim.evaluation.evaluate import evaluate
from sim.evaluation.job import Job, Rig
from sim.evaluation.latency import run_with_latency
from sim.evaluation.modes import Setting
from sim.evaluation.plan import Plan
from sim.evaluation.real_time import RealTime
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import RecordedTimes
from tests.bundles import make_bundle
from tests.clocks import MS, FakeGraphs
from tests.clocks import FakeClock as StageClock
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant, open_fake
from tests.unit.sim.evaluation.test_evaluate import outcome
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, ControllerSettings
from vgf_robot.errors import ConfigError, PlantError

SAFE = (-1.0, 0.5)
TIMES = {"reference_ms": 2.0, "step_ms": 3.0, "select_ms": 1.0}


def run(
    folder: Path, delays_ms: list[float], action_kind: str = "delta", silent: tuple[int, ...] = ()
) -> tuple[Episode, np.ndarray]:
    if not (folder / "bundle").exists():
        make_bundle(folder / "bundle", action_kind=action_kind, safe_action=SAFE)
    clock, plant = FakeClock(), FakePlant(len(delays_ms))
    timing = RealTime(manifest=Bundle.load(folder / "bundle").manifest, deadline_share=0.8, clock=clock)
    driver = FakeDriver(clock, delays_ms, silent=lambda number: number in silent)
    return run_with_latency(plant, driver, Budget(), (1, 2), timing), np.array(plant.applied)


def test_an_action_takes_effect_in_the_physics_step_after_its_arrival(tmp_path: Path) -> None:
    episode, applied = run(tmp_path, [10.0, 11.0, 0.0])  # periods of five physics steps of 10 ms
    # Before the first action stands the safe one; then, until the next one comes, the last.
    assert applied[0] == pytest.approx([(SAFE[0] + 4 * 1) / 5, SAFE[1] / 5])
    assert applied[1] == pytest.approx([(2 * 1 + 3 * 2) / 5, 0])
    assert applied[2] == pytest.approx([3, 0])
    assert (episode.num_misses, episode.fallbacks) == (0, {})


def test_what_is_late_never_takes_effect_and_the_receiver_falls_back_at_the_deadline(tmp_path: Path) -> None:
    episode, applied = run(tmp_path, [0.0, 41.0, 0.0])  # due after 40
    assert applied[1] == pytest.approx([(4 * 1 + SAFE[0]) / 5, SAFE[1] / 5])
    assert applied[2] == pytest.approx([3, 0])
    assert (episode.num_misses, episode.fallbacks) == (1, {"late_reply": 1})


def test_an_absolute_action_stays_where_none_came_in_time(tmp_path: Path) -> None:
    _, applied = run(tmp_path, [0.0, 41.0, 0.0], action_kind="absolute")
    assert applied[1] == pytest.approx([1, 0])


def test_periods_that_are_over_before_they_begin_are_skipped(tmp_path: Path) -> None:
    episode, applied = run(tmp_path, [0.0, 145.0, 0.0, 0.0])  # until 45 ms into the fourth period
    assert episode.fallbacks == {"late_reply": 1, "skipped_period": 2}
    assert len(applied) == 4
    assert applied[2] == pytest.approx(SAFE)


@settings(deadline=None)  # the machine's speed is nobody's property
@given(st.lists(st.floats(0, 60), min_size=1, max_size=6))
def test_every_period_has_its_place_whatever_the_latency(
    tmp_path_factory: pytest.TempPathFactory, delays_ms: list[float]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "charged"
    folder.mkdir(exist_ok=True)
    episode, applied = run(folder, delays_ms)
    again, same = run(folder, delays_ms)
    assert (episode.num_periods, len(applied)) == (len(delays_ms), len(delays_ms))
    assert episode.num_misses == sum(episode.fallbacks.values())
    assert np.array_equal(applied, same)
    assert episode == again


def profile(folder: Path, **changes: object) -> str:
    path = folder / "device.json"
    path.write_text(json.dumps({**TIMES, **changes}))
    return str(path)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "bundle"))


def test_a_device_that_takes_no_time_gives_what_lock_step_gives(bundle: Bundle, tmp_path: Path) -> None:
    nothing = profile(tmp_path, reference_ms=0.0, step_ms=0.0, select_ms=0.0)
    waiting = evaluate(bundle, Plan(episodes=3, steps=(0, 3)), open_fake).rows
    charged = evaluate(bundle, Plan(episodes=3, steps=(0, 3), clock="charged", profile=nothing), open_fake).rows
    for one, other in zip(waiting, charged, strict=True):
        for key in ("return_mean", "success_rate", "mean_steps", "displacement_rms", "miss_rate"):
            assert one[key] == other[key]


def test_the_rows_of_a_slower_device_are_foretold(bundle: Bundle, tmp_path: Path) -> None:
    rows = {
        slow_down: evaluate(
            bundle,
            Plan(episodes=3, clock="charged", profile=profile(tmp_path), slow_down=slow_down),
            lambda _: FakePlant(40),
        ).rows
        for slow_down in (1.0, 5.0, 20.0)
    }
    # The deadline is at 45 ms: all three steps fit, then one or two of 15 ms each, then not even the reference.
    assert [row["mode"] for row in rows[1.0]] == ["fixed-0", "fixed-cap", "adaptive"]
    assert [row["miss_rate"] for row in rows[1.0]] == [0, 0, 0]
    assert rows[1.0][2]["mean_steps"] == 3
    assert rows[1.0][2]["tick_ms"]["p50"] == 2 + 3 * 3 + 1
    assert [row["miss_rate"] for row in rows[5.0]] == [0, 1, 0]
    assert 1 <= rows[5.0][2]["mean_steps"] < 3
    assert [row["miss_rate"] for row in rows[20.0]] == [1, 1, 1]
    assert rows[20.0][2]["fallbacks"] == {"no_time_for_reference": 120}


def test_equal_seeds_give_equal_rows_whatever_the_workers_and_the_order(bundle: Bundle, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = profile(
        tmp_path,
        reference_ms=rng.uniform(1, 20, 50).tolist(),
        step_ms=rng.uniform(1, 15, (50, 3)).tolist(),
        select_ms=rng.uniform(0.1, 5, 50).tolist(),
        overhead_ms=rng.uniform(0, 9, 50).tolist(),
    )
    plan = Plan(episodes=4, clock="charged", profile=path)
    rows = evaluate(bundle, plan, open_fake).rows
    assert rows == evaluate(bundle, plan, open_fake).rows
    assert rows == evaluate(bundle, Plan(episodes=4, clock="charged", profile=path, workers=2), open_fake).rows
    assert 0 < rows[1]["miss_rate"] < 1

    def rig() -> Rig:
        job = Job(
            bundle=bundle.folder,
            environment="Test-v0",
            backend="onnxruntime-cpu",
            threads=1,
            seed=0,
            clock="charged",
            deadline_share=0.9,
            profile=Path(path),
            open_plant=open_fake,
        )
        return Rig.open(job)

    way = (Setting.of(4, 3, 0.05, "argmax"), True)
    used = rig()
    for index in (5, 2, 7):
        used.run(way, index)
    assert used.run(way, 3) == rig().run(way, 3)


def test_what_passes_before_a_tick_passes_before_the_loop_looks_at_the_time(bundle: Bundle, tmp_path: Path) -> None:
    driver = ChargedDriver(bundle, "onnxruntime-cpu", 1, SimulatedClock(), times_of(tmp_path, overhead_ms=6.0))
    driver.begin_episode(0)
    driver.sleep_until(0)
    assert driver.now_ns() == 6 * MS
    driver.act(np.zeros(3, np.float32), Budget(), None)
    assert driver.now_ns() == (6 + 2 + 3 * 3 + 1) * MS
    driver.sleep_until(10 * MS)  # a grid point that has passed
    assert driver.now_ns() == (18 + 6) * MS


def test_an_interruption_comes_when_it_was_recorded_whatever_it_hits(bundle: Bundle, tmp_path: Path) -> None:
    long = [[3.0, 3.0, 3.0]] * 4 + [[3.0, 93.0, 3.0]]  # the fifth tick: 90 ms without a core, from 5 to 8 ms on
    times = times_of(tmp_path, step_ms=long, reference_ms=[2.0] * 5, select_ms=[1.0] * 5)
    seed = next(seed for seed in range(99) if np.random.default_rng(seed).integers(5) == 4)
    ends = {}
    for max_steps in (3, 2, 0):
        driver = ChargedDriver(bundle, "onnxruntime-cpu", 1, SimulatedClock(), times)
        budget = Budget(max_steps=max_steps)
        driver.prepare(budget)
        driver.begin_episode(seed)
        driver.sleep_until(0)
        driver.act(np.zeros(3, np.float32), budget, None)
        ends[max_steps] = driver.now_ns() / MS
        driver.sleep_until(50 * MS)  # a sleeper stays away until it is over, a busy process has waited in its step
        ends[-max_steps - 1] = driver.now_ns() / MS
    assert (ends[3], ends[-4]) == (102, 102)
    assert (ends[2], ends[-3]) == (99, 99)
    assert ends[0] == 3
    assert 95 <= ends[-1] < 98


def test_work_waits_while_the_core_is_away_and_sleep_does_not() -> None:
    clock = SimulatedClock()
    clock.take_core(10, 5)
    clock.take_core(30, 5)
    clock.charge(10)
    assert clock.now_ns() == 10
    clock.charge(1)
    assert clock.now_ns() == 16
    clock.sleep_until(32)
    assert clock.now_ns() == 32
    clock.charge(20)
    assert clock.now_ns() == 55
    clock.take_core(60, 100)
    clock.give_core_back()
    clock.charge(10)
    assert clock.now_ns() == 65


def test_a_controller_begins_with_the_margin_that_the_device_has_taught(tmp_path: Path) -> None:
    controller, budget = controller_of(tmp_path)
    first_ns = controller.margin_ns(budget)
    calm = times_of(tmp_path)
    calm.begin_episode(controller, budget, seed=0)
    calm.recall_margin(controller, budget, 45_000_000)
    assert controller.margin_ns(budget) == 0
    # One tick in ten takes 25 ms longer than what the other nine leave.
    spikes = times_of(tmp_path, select_ms=[1.0] * 9 + [60.0])
    spikes.begin_episode(controller, budget, seed=0)
    spikes.recall_margin(controller, budget, 45_000_000)
    assert controller.margin_ns(budget) > 5 * first_ns


@pytest.mark.parametrize(("under_way_ns", "taught"), [(0, True), (1000, False)])
def test_the_margin_of_a_connection_is_in_no_recording(
    bundle: Bundle, tmp_path: Path, under_way_ns: int, taught: bool
) -> None:
    clock = SimulatedClock()
    driver = ChargedDriver(bundle, "onnxruntime-cpu", 1, clock, times_of(tmp_path))
    driver.begin_episode(0)
    driver.sleep_until(0)
    clock.sleep_until(clock.now_ns() + under_way_ns)
    driver.act(np.zeros(3, np.float32), Budget(), 45_000_000)
    assert (driver._controller.margin_ns() == 0) is taught


def times_of(folder: Path, **changes: object) -> RecordedTimes:
    return RecordedTimes(load_times(Path(profile(folder, **changes))), Compute("a", "float32", 1), ControllerSettings())


def controller_of(folder: Path) -> tuple[Controller, Budget]:
    if not (folder / "bundle").exists():
        make_bundle(folder / "bundle")
    graphs = {(4, 2): FakeGraphs(StageClock())}
    return Controller(Bundle.load(folder / "bundle").manifest, graphs, clock=StageClock()), Budget()


def test_in_real_time_the_plant_goes_on_while_the_controller_thinks(bundle: Bundle) -> None:
    clock = FakeClock()
    job = Job(
        bundle=bundle.folder,
        environment="Test-v0",
        backend="onnxruntime-cpu",
        threads=1,
        seed=0,
        clock="real-time",
        deadline_share=0.8,
        open_plant=open_fake,
    )
    plant = FakePlant(3)
    rig = Rig(job, plant, FakeDriver(clock, [10.0, 11.0, 0.0]), bundle, clock)
    rig.run_budget(Budget(), 0)
    # As above: what stands, here the safe action of 0, until the arrival; then, physics step by step, what came.
    assert np.array(plant.applied)[:, 0] == pytest.approx([4 / 5, (2 * 1 + 3 * 2) / 5, 3])


def test_the_latency_of_this_run_is_charged_where_there_is_no_profile(bundle: Bundle) -> None:
    rows = evaluate(bundle, Plan(episodes=2, clock="charged"), open_fake).rows
    for row in rows:
        assert row["tick_ms"]["p50"] > 0
        assert row["tick_ms"]["p50"] >= row["reference_ms"]["p50"]
    assert outcome(rows)[0]["deadline_ms"] == pytest.approx(45)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(clock="charged", workers=2), "--profile"),
        (Plan(clock="real-time", profile="p.json"), "add --clock charged"),
        (Plan(clock="charged", slow_down=2.0), "give a --profile"),
        (Plan(clock="charged", through="server"), "cannot be charged"),
        (Plan(clock="charged", profile="nowhere.json"), r"nowhere\.json does not exist"),
    ],
)
def test_what_cannot_go_together_is_one_sentence(bundle: Bundle, plan: Plan, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluate(bundle, plan, open_fake)


def test_a_plant_of_whole_periods_cannot_be_charged(bundle: Bundle) -> None:
    class Whole:
        def __init__(self) -> None:
            self.inner = FakePlant()

        def __getattr__(self, name: str) -> object:
            if name == "apply_part":
                raise AttributeError(name)
            return getattr(self.inner, name)

    with pytest.raises(PlantError, match="whole control periods only"):
        evaluate(bundle, Plan(clock="charged"), lambda _: Whole())  # type: ignore[arg-type, return-value]
