"""What each fault does to a vector, and that a weaker one is a part of the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.faults.action import ActionDelay, ActionFault, ActionQuantisation, ActionRateLimit, DeadZone, Motors
from sim.faults.observation import (
    DropOut,
    ObservationBias,
    ObservationDelay,
    ObservationFault,
    ObservationNoise,
    Senses,
    StuckSensor,
)
from sim.faults.severity import fault_generator
from sim.faults.transport import TransportJitter
from vgf_robot.errors import ConfigError

SENSES = Senses(span=np.array([1, 2, 4], np.float32), period_s=0.05)
OBSERVATIONS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
SENSORS: list[ObservationFault] = [
    ObservationBias(size=0.5),
    ObservationNoise(std=0.5, entries=(0, 2)),
    StuckSensor(share=0.7, after_s=0.2),
    DropOut(probability=0.5),
    DropOut(probability=0.5, together=False, leaves="zero"),
    ObservationDelay(periods=3),
]


def seen(fault: ObservationFault, severity: float = 1.0, seed: int = 1) -> np.ndarray:
    effect = fault.effect(severity, SENSES, fault_generator(seed, fault))
    return np.array([effect(observation) for observation in OBSERVATIONS])


@pytest.mark.parametrize("fault", SENSORS, ids=lambda fault: type(fault).__name__)
def test_the_seed_decides_and_float32_stays(fault: ObservationFault) -> None:
    assert np.array_equal(seen(fault), seen(fault))
    assert seen(fault).dtype == np.float32
    assert not np.array_equal(seen(fault), OBSERVATIONS)
    if not isinstance(fault, ObservationDelay | StuckSensor):
        assert not np.array_equal(seen(fault, seed=2), seen(fault))


@pytest.mark.parametrize("fault", SENSORS, ids=lambda fault: type(fault).__name__)
def test_next_to_no_severity_is_next_to_no_fault(fault: ObservationFault) -> None:
    np.testing.assert_allclose(seen(fault, 1e-9), OBSERVATIONS, atol=1e-6)


def test_bias_is_constant_and_noise_is_not() -> None:
    off = seen(ObservationBias(size=0.5)) - OBSERVATIONS
    assert off == pytest.approx(np.tile(off[0], (40, 1)), abs=1e-6)
    assert (np.abs(off[0]) <= 0.5 * SENSES.span).all()
    noise = seen(ObservationNoise(std=0.1, entries=(2,))) - OBSERVATIONS
    assert noise[:, :2] == pytest.approx(np.zeros((40, 2)))
    assert 0.2 < noise[:, 2].std() < 0.7  # a tenth of a range of 4


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_stronger_noise_is_the_same_noise(one: float, other: float) -> None:
    fault = ObservationNoise(std=1.0)
    first, second = (seen(fault, severity) - OBSERVATIONS for severity in (one, other))
    assert first / one == pytest.approx(second / other, rel=1e-3, abs=1e-4)


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 5))
def test_what_is_missing_at_a_severity_is_missing_at_every_higher_one(one: float, other: float, seed: int) -> None:
    low, high = sorted((one, other))
    fault = DropOut(probability=1.0, together=False, leaves="nan")
    missing = [np.isnan(seen(fault, severity, seed)) for severity in (low, high)]
    assert not (missing[0] & ~missing[1]).any()
    assert not missing[0][0].any()  # there is always a first one


def test_a_message_is_lost_as_a_whole_and_the_last_one_stays() -> None:
    found = seen(DropOut(probability=0.5))
    for before, now, true in zip(found[:-1], found[1:], OBSERVATIONS[1:], strict=True):
        assert np.array_equal(now, true) or np.array_equal(now, before)


def test_a_stuck_sensor_keeps_what_it_had() -> None:
    found = seen(StuckSensor(after_s=0.2, entries=(1,)))
    assert np.array_equal(found[:4], OBSERVATIONS[:4])
    assert np.array_equal(found[:, [0, 2]], OBSERVATIONS[:, [0, 2]])
    assert (found[4:, 1] == OBSERVATIONS[4, 1]).all()


def test_a_delay_shows_the_first_one_until_there_is_an_older_one() -> None:
    found = seen(ObservationDelay(periods=3))
    assert (found[:3] == OBSERVATIONS[0]).all()
    assert np.array_equal(found[3:], OBSERVATIONS[:-3])
    assert np.array_equal(seen(ObservationDelay(periods=3), 0.5)[2:], OBSERVATIONS[:-2])


def test_an_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="entries of the observation from 0 to 2, found 7"):
        seen(ObservationNoise(std=0.1, entries=(1, 7)))


def motors(absolute: bool = False) -> Motors:
    return Motors(
        low=np.array([-1, -2], np.float32),
        high=np.array([1, 2], np.float32),
        rest=np.zeros(2, np.float32),
        absolute=absolute,
        period_s=0.05,
    )


def done(fault: ActionFault, actions: list[list[float]], severity: float = 1.0, absolute: bool = False) -> np.ndarray:
    effect = fault.effect(severity, motors(absolute))
    return np.array([effect(np.array(action, np.float32)) for action in actions])


def test_the_drive_follows_no_faster_than_it_can() -> None:
    found = done(ActionRateLimit(ranges_per_s=2.0), [[1, 2], [1, 2], [-1, 0]])  # a tenth of a range per period
    assert found == pytest.approx(np.array([[0.2, 0.4], [0.4, 0.8], [0.2, 0.4]]))
    assert done(ActionRateLimit(ranges_per_s=2.0), [[1, 2]], 0.5) == pytest.approx(np.array([[0.4, 0.8]]))


def test_commands_are_rounded_and_stay_in_their_range() -> None:
    found = done(ActionQuantisation(step=0.3), [[0.2, -0.7], [1, 2], [0.31, 0.61]])
    assert found == pytest.approx(np.array([[0, -1.2], [1, 2], [0.6, 1.2]]))


def test_small_commands_are_not_followed() -> None:
    assert done(DeadZone(width=0.1), [[0.1, 0.3], [-0.3, 0.5]]) == pytest.approx(np.array([[0, 0], [-0.3, 0.5]]))
    found = done(DeadZone(width=0.1), [[0.5, 1], [0.6, 1.3], [0.75, 1.5]], absolute=True)
    assert found == pytest.approx(np.array([[0.5, 1], [0.5, 1], [0.75, 1.5]]))


@pytest.mark.parametrize("fault", [ActionRateLimit(ranges_per_s=1), ActionQuantisation(step=0.5), DeadZone(width=0.5)])
def test_next_to_no_severity_is_next_to_no_change(fault: ActionFault) -> None:
    actions = np.random.default_rng(0).uniform([-1, -2], [1, 2], (20, 2))
    found = done(fault, actions.tolist(), 1e-6)
    assert found == pytest.approx(actions, abs=1e-5)
    assert found.dtype == np.float32


def test_a_delay_is_counted_in_physics_steps() -> None:
    fault = ActionDelay(delay_s=0.07)
    assert [fault.num_substeps(severity, 0.05, 5) for severity in (0.01, 0.5, 1.0)] == [0, 4, 7]


def drawn(fault: TransportJitter, severity: float = 1.0) -> np.ndarray:
    draw = fault.draws(severity, fault_generator(3, fault))
    return np.array([draw() for _ in range(2000)]) / 1e6


@pytest.mark.parametrize("distribution", ["uniform", "normal", "gamma"])
def test_jitter_has_its_mean_and_spread_and_is_never_negative(distribution: str) -> None:
    fault = TransportJitter(distribution=distribution, mean_ms=10, std_ms=2)  # type: ignore[arg-type]
    found = drawn(fault)
    assert (found.mean(), found.std()) == (pytest.approx(10, rel=0.05), pytest.approx(2, rel=0.1))
    assert (found >= 0).all()
    assert drawn(fault, 0.5) == pytest.approx(found / 2, abs=1e-5)


def test_a_trace_is_played_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps([1.0, 2.0, 3.0]))
    found = drawn(TransportJitter(distribution="trace", trace=str(path)))
    assert sorted(found[:3].tolist()) == [1, 2, 3]
    assert np.array_equal(found[3:6], found[:3])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "mean_ms above 0"),
        ({"mean_ms": 5.0}, "std_ms 0 with `gamma`"),
        ({"distribution": "constant", "mean_ms": 5.0, "std_ms": 1.0}, "std_ms 1 with `constant`"),
        ({"distribution": "trace"}, "a trace goes with"),
        ({"trace": "x.json", "mean_ms": 1.0, "std_ms": 1.0}, "a trace goes with"),
    ],
)
def test_numbers_that_contradict_each_other_are_one_sentence(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransportJitter(**settings)


@pytest.mark.parametrize("text", ["{", "[]", "[-1]", '["slow"]', "[[1]]"])
def test_a_trace_that_is_none_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"trace\.json"):
        TransportJitter(distribution="trace", trace=str(path)).times_ms()
