"""Durations played through the controller: what each kind of disturbance costs, and what adapting saves."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from sim.durations import DISTURBANCES, Durations, load_durations, oracle_steps, replay, save_durations
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.controller import ControllerSettings
from vgf_robot.errors import DatasetError

MS = 1_000_000
RECORDED = Path(__file__).parents[3] / "durations"
TICKS = 4000
SETTINGS = ControllerSettings(miss_rate=0.005)
# What the bound on avoidable misses adds to their rate: enough to climb from 0 to a whole period.
TO_LEARN = 1 / SETTINGS.margin_rise + 1


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Bundle.load("hopper-replay").manifest


@pytest.fixture(scope="module", params=DISTURBANCES)
def disturbed(request) -> Durations:
    return DISTURBANCES[request.param](TICKS, np.random.default_rng(0))


def durations(late=(0, 0), reference=(1, 1), step=((1, 1), (1, 1)), select=(1, 1), period=10, deadline=8) -> Durations:
    """Two ticks, in milliseconds."""
    arrays = (np.array(array, np.int64) * MS for array in (late, reference, step, select))
    names = ("late", "reference", "step", "select")
    return Durations(period_ns=period * MS, deadline_ns=deadline * MS, **dict(zip(names, arrays, strict=True)))


def test_ticks_take_the_times_they_are_told(manifest):
    outcome = replay(manifest, durations(select=(1, 6)), ControllerSettings(margin_rise=0.0))
    assert outcome.steps.tolist() == [2, 2]
    assert outcome.missed.tolist() == [False, True]  # 1 + 2 + 6 of 8 ms


def test_a_late_start_counts_and_a_period_that_is_over_is_skipped(manifest):
    outcome = replay(manifest, durations(late=(0, 9)), ControllerSettings(margin_rise=0.0))
    assert outcome.steps.tolist() == [2, 0]
    assert outcome.missed.tolist() == [False, True]


def test_an_overrun_delays_the_next_tick(manifest):
    outcome = replay(manifest, durations(select=(16, 1)), SETTINGS, anytime=False)
    assert outcome.missed.tolist() == [True, True]


@pytest.mark.parametrize(
    ("told", "max_steps", "avoidable"),
    [
        ({"select": (16, 1)}, None, [True, True]),  # the first tick lasts beyond the second one's deadline
        ({"select": (18, 1)}, 0, [False, False]),  # so it does without a step
        ({"select": (8, 1), "late": (0, 9)}, None, [True, False]),  # a late start that no tick has caused
        ({"select": (1, 1), "late": (0, 9)}, None, [False, False]),
    ],
)
def test_a_period_that_a_tick_with_steps_has_eaten_was_avoidable(manifest, told, max_steps, avoidable):
    outcome = replay(manifest, durations(**told), SETTINGS, anytime=False, max_steps=max_steps)
    assert outcome.avoidable.tolist() == avoidable
    assert outcome.avoidable_miss_rate == np.mean(avoidable)


def test_the_oracle_takes_what_would_have_fitted():
    told = durations(step=((1, 1), (5, 4)), select=(1, 1))
    assert oracle_steps(told).tolist() == [2, 1]
    assert oracle_steps(durations(late=(9, 0), step=((1, 1), (1, 7)))).tolist() == [0, 1]


def test_avoidable_misses_keep_to_the_rate_that_was_set(manifest, disturbed):
    outcome = replay(manifest, disturbed, SETTINGS)
    assert outcome.avoidable_miss_rate <= SETTINGS.miss_rate + TO_LEARN / TICKS


def test_adapting_misses_less_than_the_full_cap_and_steps_nearly_as_much_as_an_oracle(manifest, disturbed):
    adaptive = replay(manifest, disturbed, SETTINGS)
    fixed_cap = replay(manifest, disturbed, SETTINGS, anytime=False)
    assert adaptive.miss_rate <= fixed_cap.miss_rate
    assert adaptive.mean_steps >= 0.6 * oracle_steps(disturbed).mean()


def test_a_neighbour_costs_less_with_the_margin_than_with_quantiles_alone(manifest):
    disturbed = DISTURBANCES["neighbour"](TICKS, np.random.default_rng(0))
    quantiles = replay(manifest, disturbed, msgspec.structs.replace(SETTINGS, margin_rise=0.0), step_quantile=0.95)
    assert quantiles.avoidable_miss_rate > SETTINGS.miss_rate + TO_LEARN / TICKS
    assert replay(manifest, disturbed, SETTINGS).avoidable_miss_rate < quantiles.avoidable_miss_rate


def test_what_is_saved_is_read_back(tmp_path):
    save_durations(tmp_path / "here" / "trace.npz", durations())
    again = load_durations(tmp_path / "here" / "trace.npz")
    assert (again.period_ns, again.deadline_ns, again.max_steps, again.num_ticks) == (10 * MS, 8 * MS, 2, 2)
    np.testing.assert_array_equal(again.step, durations().step)


@pytest.mark.parametrize("damage", ["missing", "other", "lengths"])
def test_a_file_without_durations_is_refused(tmp_path, damage):
    path = tmp_path / "trace.npz"
    if damage == "other":
        np.savez(path, something=np.zeros(3))
    if damage == "lengths":
        save_durations(path, durations(select=(1, 1, 1)))
    with pytest.raises(DatasetError, match=r"trace\.npz"):
        load_durations(path)


@pytest.fixture(scope="module", params=["fifo", "ordinary"])
def recorded(request) -> Durations:
    """3,000 ticks at the full cap with a busy process on each of two cores, by `benchmarks/controller.py --record`."""
    return load_durations(RECORDED / f"{request.param}.npz")


def test_avoidable_misses_keep_to_the_rate_on_a_loaded_machine(manifest, recorded):
    outcome = replay(manifest, recorded, SETTINGS)
    assert outcome.avoidable_miss_rate <= SETTINGS.miss_rate + TO_LEARN / recorded.num_ticks


def test_with_priority_adapting_takes_nearly_every_step_that_an_oracle_would(manifest):
    recorded = load_durations(RECORDED / "fifo.npz")
    outcome = replay(manifest, recorded, SETTINGS)
    fixed_cap = replay(manifest, recorded, SETTINGS, anytime=False)
    assert outcome.mean_steps >= 0.95 * oracle_steps(recorded).mean()
    assert outcome.miss_rate < 0.5 * fixed_cap.miss_rate
