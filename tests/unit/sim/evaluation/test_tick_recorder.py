"""Ticks of a real-time loop as a profile that `charged` plays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from sim.evaluation.device_profile import load_times
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.tick_recorder import TickRecorder
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant, open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget
from vgf_robot.errors import ConfigError
from vgf_robot.profile import load_profile

MS = 1_000_000
NOTHING = np.zeros(3, np.float32)


class LateClock(FakeClock):
    """Wakes up three milliseconds late."""

    def sleep_until(self, moment_ns: int) -> None:
        late_ns = 3 * MS if self.time_ns < moment_ns else 0
        super().sleep_until(moment_ns)
        self.time_ns += late_ns


def test_late_wake_ups_what_keeps_the_loop_and_skipped_periods_are_recorded() -> None:
    clock = LateClock()
    recorder = TickRecorder(FakeDriver(clock, [10.0, 120.0, 10.0]), clock)
    recorder.begin_episode(0)
    start_ns = clock.time_ns + 50 * MS
    recorder.sleep_until(start_ns)
    recorder.act(NOTHING, Budget(), None)  # until 13
    recorder.sleep_until(start_ns + 50 * MS)
    recorder.act(NOTHING, Budget(), None)  # until 53 + 120
    clock.time_ns += 4 * MS  # in the plant
    recorder.sleep_until(start_ns + 100 * MS)  # over: nobody is asked
    clock.time_ns += MS
    recorder.sleep_until(start_ns + 150 * MS)
    recorder.act(NOTHING, Budget(), None)
    found = recorder.recording.durations(50 * MS, 45 * MS, 0)
    assert (found.late / MS).tolist() == [3, 3, 4, 1]
    assert (found.reference / MS).tolist() == [1, 1, 0, 1]
    assert (found.step / MS).tolist() == [[0.5, 0.5], [0.5, 0.5], [0, 0], [0.5, 0.5]]


def test_ticks_that_are_told_a_deadline_are_not_recorded() -> None:
    clock = LateClock()
    recorder = TickRecorder(FakeDriver(clock, [60.0, 10.0]), clock)
    recorder.begin_episode(0)
    recorder.sleep_until(clock.time_ns)
    recorder.act(NOTHING, Budget(), clock.time_ns + 45 * MS)
    recorder.sleep_until(clock.time_ns)  # skipped
    recorder.sleep_until(clock.time_ns)
    recorder.begin_episode(1)
    assert recorder.recording.timings == []


def test_a_tick_that_was_skipped_takes_what_ticks_mostly_take(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    path.write_text(
        '{"overhead_ms": [0, 30, 0, 0], "reference_ms": [1, 0, 1, 3], "step_ms": [[2], [0], [2], [2]], "select_ms": 0}'
    )
    ((_, durations),) = load_times(path).entries
    assert (durations.reference / MS).tolist() == [1, 1, 1, 3]
    assert (durations.step[:, 0] / MS).tolist() == [2, 2, 2, 2]


def test_an_evaluation_in_real_time_writes_a_profile_that_charged_plays(tmp_path: Path) -> None:
    bundle, path = Bundle.load(make_bundle(tmp_path / "bundle")), tmp_path / "out" / "device.json"
    evaluate(bundle, Plan(episodes=2, clock="real-time", record_profile=str(path)), open_fake)
    profile = load_profile(path)
    (samples,) = profile.stages
    assert (samples.num_particles, samples.reference_steps, samples.backend) == (4, 2, "onnxruntime-cpu")
    assert isinstance(samples.overhead_ms, tuple)
    assert isinstance(samples.step_ms, tuple)
    # Ten periods of the mode that takes all three steps, but for those before its first tick.
    assert len(samples.overhead_ms) == len(samples.step_ms) <= 10
    assert {len(steps) for steps in samples.step_ms} == {3}
    rows = evaluate(bundle, Plan(episodes=2, clock="charged", profile=str(path)), lambda _: FakePlant()).rows
    assert [row["mode"] for row in rows] == ["fixed-0", "fixed-cap", "adaptive"]


@pytest.mark.parametrize(
    "plan", [Plan(), Plan(clock="real-time", steps=(0, 1)), Plan(clock="real-time", through="server")]
)
def test_what_cannot_be_recorded_is_refused(tmp_path: Path, plan: Plan) -> None:
    plan = msgspec.structs.replace(plan, record_profile=str(tmp_path / "device.json"))
    with pytest.raises(ConfigError, match="add --clock real-time and leave sweeps and servers out"):
        evaluate(Bundle.load(make_bundle(tmp_path / "bundle")), plan, open_fake)
    assert not (tmp_path / "device.json").exists()
