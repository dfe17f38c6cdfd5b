from __future__ import annotations

import numpy as np
import pytest

from sim.evaluation.rows import mean_interval, wilson_interval


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [
        (44, 50, 0.7620, 0.9438),  # by the formula, in higher precision
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 2, 0.0945, 0.9055),
    ],
)
def test_wilson_interval_has_its_known_values(successes: int, episodes: int, low: float, high: float) -> None:
    assert wilson_interval(successes, episodes) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_holds_the_rate_and_narrows_with_episodes() -> None:
    widths = []
    for episodes in (10, 100, 1000):
        low, high = wilson_interval(episodes // 5, episodes)
        assert 0 <= low < 0.2 < high <= 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_mean_interval_of_normal_values_is_near_the_textbook_one() -> None:
    values = np.random.default_rng(1).normal(100.0, 10.0, 400)
    low, high = mean_interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15)


def test_mean_interval_is_the_same_each_time_and_a_point_for_one_value() -> None:
    values = [1.0, 5.0, 9.0, 2.0]
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval([3.0]) == (3.0, 3.0)
