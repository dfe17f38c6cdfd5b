"""Costs follow the window; what is not known is None."""

import pytest

from vgf_robot.controller.costs import StageCost
from vgf_robot.controller.settings import ControllerSettings
from vgf_robot.errors import ConfigError


def test_nothing_is_known_before_the_first_run():
    cost = StageCost(window=4, quantile=0.99)
    assert cost.estimate_ns is None
    cost.skip()
    assert cost.estimate_ns is None


def test_the_quantile_is_one_of_the_samples_and_rounds_up():
    cost = StageCost(window=10, quantile=0.5)
    seen = []
    for sample in (4, 1, 3, 2):
        cost.record(sample)
        seen.append(cost.estimate_ns)
    assert seen == [4, 1, 3, 2]


def test_a_spike_leaves_after_the_window_of_runs():
    cost = StageCost(window=4, quantile=1.0)
    cost.record(1000)
    for _ in range(3):
        cost.record(1)
        assert cost.estimate_ns == 1000
    cost.record(1)
    assert cost.estimate_ns == 1


def test_a_spike_leaves_after_the_window_of_refusals_and_the_fastest_run_stands_in():
    cost = StageCost(window=4, quantile=1.0)
    cost.record(1)
    cost.record(1000)
    for _ in range(3):
        cost.skip()
        assert cost.estimate_ns == 1000
    cost.skip()
    assert cost.estimate_ns == 1


def test_what_was_measured_once_is_never_unknown_again():
    cost = StageCost(window=4, quantile=1.0)
    cost.record(1000)
    for _ in range(100):
        cost.skip()
    assert cost.estimate_ns == 1000


def test_one_expensive_probe_keeps_the_stage_away_for_a_whole_window_again():
    cost = StageCost(window=100, quantile=0.99)
    cost.record(1)
    cost.record(1000)
    estimates = []
    for _ in range(100):
        cost.skip()
        estimates.append(cost.estimate_ns)
    assert estimates == [1000] * 99 + [1]


@pytest.mark.parametrize(
    "wrong", [{"window": 0}, {"miss_rate": -0.1}, {"margin_rise": float("nan")}, {"first_margin_ms": -1.0}]
)
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ControllerSettings(**wrong)
