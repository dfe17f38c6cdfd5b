"""A machine with other things to do, and a controller that breaks down: when, the seed draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sim.busy import Spells, usable_cores
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.real_time import MonotonicClock
from sim.evaluation.simulated_clock import SimulatedClock
from sim.faults import FaultSet, machine, require_applicable
from sim.faults.machine import CpuContention, ServerRestart, contended
from sim.faults.restart_driver import RestartFaultDriver
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant, open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget
from vgf_robot.errors import ConfigError

MS = 1_000_000
OBSERVATION = np.zeros(3, np.float32)
EVERY_OTHER = Spells(busy=(True, False), length_ns=10 * MS)
BUSY = FaultSet(cpu_contention=CpuContention(slow_down=10))
RESTARTS = FaultSet(server_restart=ServerRestart(every_s=1.0, down_s=0.2))


@pytest.mark.parametrize(
    ("passed_ms", "duration_ms", "takes_ms"),
    [
        (0, 0, 0),
        (0, 2, 4),  # inside a busy spell
        (12, 5, 5),  # inside an idle one
        (6, 4, 6),  # 2 of 4 in what is left of the busy one, and 2 after it
        (15, 10, 15),  # 5 while it is idle, 5 in the busy one that follows
        (0, 20, 30),  # 5, 10 and 5 in three of them
    ],
)
def test_what_is_computed_in_a_busy_spell_takes_longer(passed_ms: int, duration_ms: int, takes_ms: int) -> None:
    assert EVERY_OTHER.stretched_ns(passed_ms * MS, duration_ms * MS, 2.0) == takes_ms * MS


def test_on_the_simulations_clock_computing_takes_longer_and_waiting_does_not() -> None:
    clock = SimulatedClock()
    clock.charge(3 * MS)
    with clock.contended(EVERY_OTHER, 2.0):
        clock.charge(2 * MS)  # the first spell begins with the context
        assert clock.now_ns() == 7 * MS
        clock.sleep_until(9 * MS)
        assert clock.now_ns() == 9 * MS
    clock.charge(2 * MS)
    assert clock.now_ns() == 11 * MS


def test_spells_follow_from_the_seed_and_grow_with_the_severity() -> None:
    fault = CpuContention(share=0.6, spell_ms=5)

    def busy(severity: float, seed: int) -> np.ndarray:
        spells = fault.spells(severity, np.random.default_rng(seed))
        assert spells.length_ns == 5 * MS
        return np.array(spells.busy)

    assert np.array_equal(busy(1.0, 1), busy(1.0, 1))
    assert not np.array_equal(busy(1.0, 1), busy(1.0, 2))
    weak, strong = busy(0.5, 1), busy(1.0, 1)
    assert not (weak & ~strong).any()
    assert weak.mean() == pytest.approx(0.3, abs=0.05)
    assert strong.mean() == pytest.approx(0.6, abs=0.05)


def test_in_real_time_every_core_gets_a_busy_process_for_the_same_spells(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    @contextmanager
    def noted(cores: list[int], spells: Spells) -> Iterator[None]:
        seen.append((cores, sum(spells.busy)))
        yield
        seen.append("over")

    monkeypatch.setattr(machine, "busy_processes", noted)
    with contended(MonotonicClock(), CpuContention(), 1.0, seed=1):
        assert seen == [(usable_cores(), 1000)]
    assert seen[-1] == "over"
    for fault, severity in ((CpuContention(), 0.0), (None, 1.0)):
        with contended(MonotonicClock(), fault, severity, seed=1):
            pass
    assert len(seen) == 2


class FakeController:
    """Notes when it broke down and began anew."""

    def __init__(self, clock: FakeClock) -> None:
        self.events: list[tuple[str, int]] = []
        self.began_ns = clock.time_ns
        self._clock = clock

    def crash(self) -> None:
        self.events.append(("crash", self._clock.time_ns - self.began_ns))

    def recover(self) -> None:
        self.events.append(("recover", self._clock.time_ns - self.began_ns))
        self._clock.time_ns += 30 * MS


def drive(severity: float, seed: int = 7, num_periods: int = 60) -> tuple[np.ndarray, FakeController, FakeDriver]:
    """Ask every 50 ms of three seconds; say in which periods there was an answer."""
    clock = FakeClock()
    controller, inner = FakeController(clock), FakeDriver(clock, [1.0] * num_periods)
    fault = RESTARTS.server_restart
    assert fault is not None
    driver = RestartFaultDriver(inner, controller, fault, severity, clock)
    driver.begin_episode(seed)
    answered = []
    for period in range(num_periods):
        grid_ns = controller.began_ns + period * 50 * MS
        clock.sleep_until(grid_ns)
        answered.append(driver.act(OBSERVATION, Budget(), grid_ns + 40 * MS) is not None)
        assert clock.now_ns() <= grid_ns + 50 * MS
    return np.array(answered), controller, inner


def test_a_controller_that_broke_down_answers_again_after_its_time_and_its_warm_up() -> None:
    answered, controller, inner = drive(1.0)
    assert [kind for kind, _ in controller.events] == ["crash", "recover"] * 3
    for (_, crashed_ns), (_, back_ns) in zip(controller.events[::2], controller.events[1::2], strict=True):
        assert 150 * MS <= back_ns - crashed_ns <= 250 * MS  # on a grid of 50 ms
    assert np.sum(~answered) == pytest.approx(3 * 4, abs=3)
    assert len(inner.asked_ns) == answered.sum()


def test_restarts_follow_from_the_seed_and_a_lower_severity_is_a_shorter_one() -> None:
    answered, controller, _ = drive(1.0)
    assert np.array_equal(answered, drive(1.0)[0])
    assert not np.array_equal(answered, drive(1.0, seed=8)[0])
    sooner, weaker, _ = drive(0.4)
    assert [event for event in weaker.events if event[0] == "crash"] == [
        event for event in controller.events if event[0] == "crash"
    ]
    assert not (answered & ~sooner).any()
    assert answered.sum() < sooner.sum() < len(answered)


def test_a_warm_up_that_is_longer_than_the_deadline_leaves_nothing_to_ask() -> None:
    clock = FakeClock()
    controller, inner = FakeController(clock), FakeDriver(clock, [])
    driver = RestartFaultDriver(inner, controller, ServerRestart(every_s=0.001), 1.0, clock)
    due_ns = clock.time_ns + 20 * MS
    clock.time_ns += MS
    assert driver.act(OBSERVATION, Budget(), due_ns) is None
    assert [kind for kind, _ in controller.events] == ["crash", "recover"]
    assert inner.asked_ns == []


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "device.json").write_text('{"reference_ms": 1, "step_ms": 2, "select_ms": 1}')
    return Bundle.load(make_bundle(tmp_path / "bundle"))


def charged(bundle: Bundle, faults: FaultSet, severity: float = 1.0) -> list[dict]:
    profile = str(bundle.folder.parent / "device.json")
    plan = Plan(clock="charged", profile=profile, faults=faults, severity=severity, episodes=4)
    return list(evaluate(bundle, plan, lambda _: FakePlant(40)).rows)


def test_where_latency_is_charged_a_contended_machine_takes_fewer_steps(bundle: Bundle) -> None:
    none, cap, adaptive = charged(bundle, BUSY)
    assert (none["miss_rate"], cap["miss_rate"]) == (0, 1)  # 20 ms; 80 of 45
    assert 0.5 < adaptive["mean_steps"] < 1.5
    assert adaptive["tick_ms"]["p50"] == pytest.approx(40, abs=5)
    assert [row["mean_steps"] for row in charged(bundle, BUSY, 0.0)] == [0, 3, 3]
    assert charged(bundle, BUSY)[2]["mean_steps"] < charged(bundle, BUSY, 0.3)[2]["mean_steps"] < 3


def test_where_latency_is_charged_a_restart_costs_its_time_and_the_warm_up(bundle: Bundle) -> None:
    there, away = charged(bundle, FaultSet())[2], charged(bundle, RESTARTS)[2]
    assert there["fallbacks"] == {}
    # Two restarts in each episode of two seconds: 0.2 s, and thirty ticks of 6 ms until the costs are known; the end of
    # the episode cuts some off.
    lost_s = 0.05 * (away["fallbacks"]["no_reply"] + away["fallbacks"]["skipped_period"]) / 4
    assert 2 * 0.25 < lost_s < 2 * 0.43
    assert away["miss_rate"] * 4 * 40 == sum(away["fallbacks"].values())
    assert charged(bundle, RESTARTS)[2] == away


def test_who_waits_minds_no_machine_that_is_slow(bundle: Bundle) -> None:
    for faults in (BUSY, RESTARTS):
        with pytest.raises(ConfigError, match="real-time or charged"):
            evaluate(bundle, Plan(episodes=1, faults=faults), open_fake)


def test_a_machine_of_somebody_else_is_left_alone(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="take --through server"):
        require_applicable(FakePlant(), BUSY, bundle.manifest, has_deadline=True, own_machine=False)


def test_a_server_that_is_never_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="never there"):
        ServerRestart(every_s=1.0, down_s=1.0)
