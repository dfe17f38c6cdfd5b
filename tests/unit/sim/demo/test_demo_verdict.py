from __future__ import annotations

from pathlib import Path

import pytest

from sim.demo.comparison import Comparison
from sim.demo.verdict import judge
from tests.bundles import make_bundle
from tests.unit.sim.demo.tours import make_comparison
from vgf_robot.bundle import Bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "bundle"))


def verdict(comparison: Comparison) -> list[bool | None]:
    return [finding.met for finding in judge(comparison)]


def test_all_expectations_met(bundle: Bundle) -> None:
    assert verdict(make_comparison(bundle, (0.01, 0.2, 0.015))) == [True, True, True, True]


def test_more_than_a_point_above_the_floor_and_over_a_quarter(bundle: Bundle) -> None:
    assert verdict(make_comparison(bundle, (0.01, 0.08, 0.03))) == [True, False, False, True]


def test_a_machine_that_is_too_fast_to_miss_is_not_judged(bundle: Bundle) -> None:
    comparison = make_comparison(bundle, (0.01, 0.015, 0.01))
    assert comparison.too_fast
    assert verdict(comparison) == [True, True, None, True]


def test_lost_return_is_told(bundle: Bundle) -> None:
    comparison = make_comparison(bundle)
    comparison.idle_row["return_mean"] = 13.0
    assert verdict(comparison)[3] is False


def test_a_synthetic_policy_has_no_return_to_lose(bundle: Bundle) -> None:
    assert len(verdict(make_comparison(bundle, synthetic=True))) == 3


def test_a_sealed_cap_of_zero_leaves_nothing_to_adapt(tmp_path: Path) -> None:
    still = Bundle.load(make_bundle(tmp_path / "still", max_steps=0))
    comparison = make_comparison(still)
    assert comparison.too_fast
    assert verdict(comparison)[0] is None
