from __future__ import annotations

from typing import Any

import pytest

from vgf_robot.bundle import OperatingPoint, best_row, choose_operating_point, chosen_on
from vgf_robot.errors import BundleError

SHA = "a" * 64
BASE = OperatingPoint(num_particles=10, reference_steps=5, max_steps=5, step_size=0.1, max_distance=0.4)


def row(rate: float, num: int, steps: int, size: float | None = 0.05, half: float = 0.1, **more: Any) -> dict[str, Any]:
    return {
        "task": "Test-v0",
        "num_particles": num,
        "reference_steps": 5,
        "max_steps": steps,
        "step_size": size if steps else None,
        "selection": "uniform" if num > 1 else None,
        "episodes": 50,
        "success_rate": rate,
        "success_low": rate - half,
        "success_high": rate + half,
        **more,
    }


def evaluation(rows: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    facts = {"bundle_sha256": SHA, "clock": "lock-step", "environment": "Test-v0", "seed": 7, **settings}
    return {"verb": "eval", "settings": facts, "rows": rows}


def test_the_best_row_wins_where_it_wins_clearly() -> None:
    rows = [row(0.22, 1, 0), row(0.84, 1, 1), row(0.06, 1, 3)]
    assert best_row(rows) is rows[1]


def test_within_one_standard_error_fewer_steps_win_then_fewer_particles_then_the_score() -> None:
    # half an interval of 0.1 is a standard error of 0.051
    few, many = row(0.84, 4, 1), row(0.88, 1, 5)
    assert best_row([many, few]) is few
    assert best_row([row(0.82, 1, 1), many]) is many  # 0.06 below: clearly beaten
    one, ten = row(0.86, 1, 1), row(0.88, 10, 1)
    assert best_row([ten, one]) is one
    small, large = row(0.85, 1, 1, 0.01), row(0.88, 1, 1, 0.05)
    assert best_row([small, large]) is large


def test_returns_decide_where_there_is_no_success() -> None:
    def returns(mean: float, steps: int) -> dict[str, Any]:
        scores = {"success_rate": None, "return_mean": mean, "return_low": mean - 80, "return_high": mean + 80}
        return {**row(0.0, 10, steps), **scores}

    rows = [returns(349.0, 0), returns(1583.0, 1), returns(1600.0, 3)]
    assert best_row(rows) is rows[1]


def test_the_sealed_point_takes_the_row_and_keeps_the_rest() -> None:
    point = choose_operating_point(evaluation([row(0.2, 10, 0), row(0.9, 10, 3)]), SHA, BASE)
    assert (point.num_particles, point.max_steps, point.step_size, point.selection) == (10, 3, 0.05, "uniform")
    assert (point.max_distance, point.sealed) == (0.4, True)


def test_a_cap_of_zero_is_an_answer() -> None:
    point = choose_operating_point(evaluation([row(0.7, 1, 0), row(0.3, 1, 3)]), SHA, BASE)
    assert (point.max_steps, point.num_particles, point.sealed) == (0, 1, True)
    assert (point.step_size, point.selection) == (BASE.step_size, BASE.selection)  # unused, and still valid


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no evaluation"),
        ({**evaluation([row(0.5, 1, 0)]), "verb": "bench"}, "no evaluation"),
        (evaluation([]), "no evaluation"),
        (evaluation([row(0.5, 1, 0)], bundle_sha256="b" * 64), "another bundle"),
        (evaluation([row(0.5, 1, 0)], clock="real-time"), "clock 'real-time'"),
        (evaluation([row(0.5, 1, 0), row(0.5, 1, 1, episodes=20)]), "differ in 'episodes'"),
        (evaluation([row(0.5, 1, 0), row(0.5, 1, 1, task="Other-v0")]), "differ in 'task'"),
        (evaluation([row(0.5, 1, 0), row(0.5, 1, 1, success_rate=None)]), "Row 2 .* lacks success_rate"),
        (evaluation([row(float("nan"), 1, 0)]), "no finite number"),
        (evaluation([row(0.5, 4, 0, selection="best")]), "selection 'best'"),
    ],
)
def test_what_cannot_speak_for_the_bundle_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        choose_operating_point(content, SHA, BASE)


def test_the_episodes_that_chose_are_known_again() -> None:
    provenance = {"selection": {"settings": {"environment": "Test-v0", "seed": 7}, "rows": []}}
    assert chosen_on(provenance, "Test-v0", 7)
    assert not chosen_on(provenance, "Test-v0", 8)
    assert not chosen_on(provenance, "Other-v0", 7)
    assert not chosen_on({}, "Test-v0", 7)
    assert not chosen_on({"selection": "none"}, "Test-v0", 7)
