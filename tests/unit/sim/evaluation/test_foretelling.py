"""What `charged` foretells of an invented machine that takes the process off its core now and then, in bursts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sim.evaluation.charged_driver import ChargedDriver
from sim.evaluation.device_profile import Compute, load_times, samples_of
from sim.evaluation.driver import Driver, InProcess
from sim.evaluation.episode import Episode
from sim.evaluation.latency import run_with_latency
from sim.evaluation.modes import ADAPTIVE, FIXED_0, FIXED_CAP, IgnoringDeadline, Mode, deadline_modes
from sim.evaluation.real_time import Clock, RealTime
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import RecordedTimes
from sim.evaluation.tick_recorder import TickRecorder
from sim.plants import Transition
from tests.bundles import make_bundle
from tests.clocks import MS, FakeGraphs, always
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller, ControllerSettings
from vgf_robot.profile import DeviceProfile, save_profile

SHARE = 0.9
PERIODS, EPISODES, SETTLING = 400, 8, 3
Spells = Sequence[tuple[int, int]]


class InterruptedClock:
    """Time of a process that has no core during given spells: it sleeps on, and its work stands still."""

    def __init__(self, spells: Spells) -> None:
        self._now_ns = 0
        self._spells = list(spells)

    def __call__(self) -> int:
        return self._now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, moment_ns: int) -> None:
        self._now_ns = max(self._now_ns, moment_ns)
        self._wait_for_core()

    def advance(self, duration_ns: int) -> None:
        """Do work of so many nanoseconds."""
        while duration_ns:
            self._wait_for_core()
            done_ns = min(duration_ns, self._spells[0][0] - self._now_ns if self._spells else duration_ns)
            self._now_ns, duration_ns = self._now_ns + done_ns, duration_ns - done_ns

    def _wait_for_core(self) -> None:
        while self._spells and self._spells[0][1] <= self._now_ns:
            self._spells.pop(0)
        if self._spells and self._spells[0][0] <= self._now_ns:
            self._now_ns = self._spells.pop(0)[1]


class WorkingPlant(FakePlant):
    """A plant whose simulation takes the process's time, which can be interrupted too."""

    def __init__(self, clock: InterruptedClock) -> None:
        super().__init__(PERIODS)
        self._clock = clock

    def apply(self, action: np.ndarray | None) -> Transition:
        self._clock.advance(3 * MS)
        return super().apply(action)


def bursts(seed: int, seconds: float = 600.0) -> Spells:
    """Calm for a second on average, then five spells without a core, from a time slice to several periods."""
    rng, spells, now_ms = np.random.default_rng(seed), [], 0.0
    while now_ms < 1e3 * seconds:
        now_ms += rng.exponential(1000)
        for _ in range(5):
            length_ms = 8 + rng.exponential(30)
            spells.append((round(now_ms * MS), round((now_ms + length_ms) * MS)))
            now_ms += length_ms + rng.exponential(40)
    return spells


def mode_named(bundle: Bundle, name: str) -> Mode:
    return next(mode for mode in deadline_modes(bundle.manifest) if mode.name == name)


def controller_on(clock: InterruptedClock, bundle: Bundle) -> InProcess:
    graphs = FakeGraphs(clock, 4, 2, always(3 * MS), always(7 * MS), always(2 * MS))  # type: ignore[arg-type]
    controller = Controller(bundle.manifest, {(4, 2): graphs}, ControllerSettings(), clock)
    return InProcess(controller, bundle.manifest.control_period_s)


def episodes_of(
    mode: Mode, bundle: Bundle, plant: FakePlant, driver: Driver, clock: Clock, count: int = EPISODES
) -> list[Episode]:
    timing = RealTime(manifest=bundle.manifest, deadline_share=SHARE, clock=clock)
    budget = mode.setting.budget()
    driver.prepare(budget)
    asked = driver if mode.keeps_deadline else IgnoringDeadline(driver)
    return [run_with_latency(plant, asked, budget, (number, number), timing) for number in range(count)]


def in_real_time(mode: Mode, bundle: Bundle, seed: int) -> tuple[list[Episode], TickRecorder]:
    """Run episodes on the machine, once its controller knows it, and record what can be recorded."""
    clock = InterruptedClock(bursts(seed))
    recorder = TickRecorder(controller_on(clock, bundle), clock)
    episodes = episodes_of(mode, bundle, WorkingPlant(clock), recorder, recorder, SETTLING + EPISODES)
    return episodes[SETTLING:], recorder


def recorded(bundle: Bundle, path: Path, seed: int) -> Path:
    """Record every step of every tick on the machine, and write the profile."""
    _, recorder = in_real_time(mode_named(bundle, FIXED_CAP), bundle, seed)
    durations = recorder.recording.durations(50 * MS, 45 * MS, 0)
    assert durations.num_ticks == PERIODS * (SETTLING + EPISODES)  # the skipped ones included
    save_profile(path, DeviceProfile(stages=(samples_of(durations, 4, 2, Compute("a", "float32", 1)),)))
    return path


def miss_rate(episodes: Sequence[Episode]) -> float:
    return sum(episode.num_misses for episode in episodes) / sum(episode.num_periods for episode in episodes)


def mean_steps(episodes: Sequence[Episode]) -> float:
    return sum(episode.steps for episode in episodes) / sum(episode.num_periods for episode in episodes)


@pytest.mark.parametrize("name", [FIXED_0, FIXED_CAP, ADAPTIVE])
def test_misses_steps_and_returns_of_an_interrupted_machine_are_foretold(name: str, tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    mode = mode_named(bundle, name)
    real, recorder = in_real_time(mode, bundle, seed=1)
    assert bool(recorder.recording.timings) is (name == FIXED_CAP)
    times = load_times(recorded(bundle, tmp_path / "profile.json", seed=2))
    charged_times = RecordedTimes(times, Compute("a", "float32", 1), ControllerSettings())
    driver = ChargedDriver(bundle, "onnxruntime-cpu", 1, SimulatedClock(), charged_times)
    charged = episodes_of(mode, bundle, FakePlant(PERIODS), driver, driver)
    assert sum(episode.num_misses for episode in real) > 100
    assert 1 / 1.5 < miss_rate(charged) / miss_rate(real) < 1.5
    assert mean_steps(charged) == pytest.approx(mean_steps(real), abs=0.3)
