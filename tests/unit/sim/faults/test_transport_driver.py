"""A connection that is slow or loses messages: the controller is told so, and the robot waits no longer than it may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.real_time import RealTime, run_real_time
from sim.faults import FaultSet
from sim.faults.transport import PacketLoss, TransportJitter
from sim.faults.transport_driver import TransportFaultDriver
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakeClock, FakeDriver, FakePlant, open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget
from vgf_robot.errors import ConfigError

MS = 1_000_000
OBSERVATION = np.zeros(3, np.float32)
SLOW = FaultSet(transport_jitter=TransportJitter(distribution="constant", mean_ms=10))


def connect(
    faults: FaultSet, severity: float = 1.0, num: int = 100
) -> tuple[TransportFaultDriver, FakeDriver, FakeClock]:
    clock = FakeClock()
    inner = FakeDriver(clock, [5.0] * num)
    return TransportFaultDriver(inner, faults, severity, clock), inner, clock


def test_there_and_back_again_takes_its_time() -> None:
    driver, inner, clock = connect(SLOW)
    began_ns = clock.now_ns()
    answer = driver.act(OBSERVATION, Budget(), began_ns + 50 * MS)
    assert answer is not None
    assert inner.asked_ns == [began_ns + 5 * MS]
    assert answer.round_trip_ns == clock.now_ns() - began_ns == 15 * MS


def test_what_messages_mostly_take_is_kept_back_from_the_deadline() -> None:
    driver, inner, clock = connect(SLOW)
    due = []
    for _ in range(3):
        due.append(clock.now_ns() + 50 * MS)
        driver.act(OBSERVATION, Budget(), due[-1])
    # The first time nothing is known; then the controller has to be done while there is time for the way back.
    kept = [at - told for at, told in zip(due, inner.deadlines_ns, strict=True) if told is not None]
    assert kept == [-5 * MS, 5 * MS, 5 * MS]


def test_without_a_deadline_none_is_told() -> None:
    driver, inner, _ = connect(SLOW)
    assert driver.act(OBSERVATION, Budget(), None) is not None
    assert inner.deadlines_ns == [None]


def test_a_lost_message_is_waited_for_until_the_deadline() -> None:
    driver, inner, clock = connect(FaultSet(packet_loss=PacketLoss(probability=1.0)))
    due_ns = clock.now_ns() + 50 * MS
    assert driver.act(OBSERVATION, Budget(), due_ns) is None
    assert clock.now_ns() == due_ns
    assert inner.asked_ns == []


def test_losses_follow_from_the_seed_and_grow_with_the_severity() -> None:
    def lost(severity: float, seed: int) -> np.ndarray:
        driver, _, clock = connect(FaultSet(packet_loss=PacketLoss(probability=0.5)), severity)
        driver.begin_episode(seed)
        return np.array([driver.act(OBSERVATION, Budget(), clock.now_ns() + 20 * MS) is None for _ in range(100)])

    assert np.array_equal(lost(1.0, 3), lost(1.0, 3))
    assert not np.array_equal(lost(1.0, 3), lost(1.0, 4))
    weak, strong = lost(0.2, 3), lost(1.0, 3)
    assert not (weak & ~strong).any()
    assert 0 < weak.sum() < strong.sum() < 100


def test_a_period_whose_message_is_lost_is_a_miss(tmp_path: Path) -> None:
    driver, _, clock = connect(FaultSet(packet_loss=PacketLoss(probability=1.0)))
    manifest = Bundle.load(make_bundle(tmp_path / "bundle")).manifest
    timing = RealTime(manifest=manifest, deadline_share=0.8, clock=clock)
    episode = run_real_time(FakePlant(), driver, Budget(), (1, 2), timing)
    assert (episode.num_misses, episode.fallbacks) == (5, {"no_reply": 5})


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "device.json").write_text('{"reference_ms": 2, "step_ms": 8, "select_ms": 1}')
    return Bundle.load(make_bundle(tmp_path / "bundle"))


def test_on_the_simulations_clock_a_slow_connection_costs_steps(bundle: Bundle) -> None:
    profile = str(bundle.folder.parent / "device.json")
    near, far = (
        evaluate(bundle, Plan(clock="charged", profile=profile, faults=faults), lambda _: FakePlant(40)).rows
        for faults in (FaultSet(), FaultSet(transport_jitter=TransportJitter(mean_ms=20, std_ms=0.5)))
    )
    assert near[2]["mean_steps"] == 3
    assert 0.5 < far[2]["mean_steps"] < 3
    assert far[2]["round_trip_ms"]["p50"] > 30
    assert far[2]["miss_rate"] < 0.2
    assert far[1]["miss_rate"] > 0.9


def test_who_waits_minds_no_message(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="real-time or charged"):
        evaluate(bundle, Plan(episodes=1, faults=SLOW), open_fake)
    evaluate(bundle, Plan(episodes=1, faults=SLOW, severity=0.0), open_fake)
