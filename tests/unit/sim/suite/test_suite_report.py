"""What is made of the episodes: cells, paired comparisons, limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.evaluation.rows import mean_interval, wilson_interval
from sim.suite.cells import Cell
from sim.suite.command import SUMMARY, publish
from sim.suite.comparison import compared, comparison_rows, sign_test
from sim.suite.judgement import require_limits_kept
from sim.suite.summary import by_cell, cell_row
from tests.unit.sim.suite.suites import make_suite, run
from vgf_robot.errors import LimitError

CELL = Cell("tiny", "noise", 0.5, "sealed")


def rows(successes: list[bool | None], returns: list[float]) -> list[dict[str, Any]]:
    return [
        {"episode": number, "success": success, "return": value}
        for number, (success, value) in enumerate(zip(successes, returns, strict=True))
    ]


@pytest.mark.parametrize(
    ("better", "worse", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (1, 9, 22 / 1024), (3, 1, 10 / 16)]
)
def test_the_sign_test_has_its_known_values(better: int, worse: int, expected: float) -> None:
    assert sign_test(better, worse) == sign_test(worse, better) == pytest.approx(expected)


def test_pairs_cancel_what_an_episodes_luck_has_in_common() -> None:
    luck = np.random.default_rng(0).normal(0, 100, 40)
    mine, theirs = rows([None] * 40, list(luck + 1.0)), rows([None] * 40, list(luck))
    found = compared(mine, theirs)
    assert found["return_difference"] == pytest.approx(1)
    assert found["return_difference_low"] > 0.99
    assert found["success_difference"] is None
    assert (found["better"], found["worse"]) == (40, 0)
    assert found["p_value"] < 1e-9


def test_success_decides_where_there_is_one_and_only_common_episodes_count() -> None:
    mine = rows([True, True, False, True], [9.0, 9.0, 9.0, 9.0])
    theirs = rows([False, True, True], [0.0, 0.0, 0.0])
    found = compared(mine, theirs)
    assert (found["episodes"], found["better"], found["worse"]) == (3, 1, 1)
    assert found["success_difference"] == 0
    assert found["p_value"] == 1


def test_a_suites_rows_have_their_intervals(tmp_path: Path) -> None:
    suite = make_suite(tmp_path)
    cells = by_cell(suite, run(suite, tmp_path / "out"))
    assert len(cells) == 10
    episodes = cells[CELL]
    row = cell_row(CELL, episodes)
    successes = sum(episode["success"] for episode in episodes)
    assert (row["success_low"], row["success_high"]) == wilson_interval(successes, 3)
    assert (row["return_low"], row["return_high"]) == mean_interval([episode["return"] for episode in episodes])
    assert row["mean_steps"] == sum(episode["num_steps"] for episode in episodes) / 15
    assert row["displacement_rms"] > 0
    comparisons = comparison_rows(cells, "none")
    assert len(comparisons) == 5
    assert all(row["budget"] == "sealed" and row["baseline"] == "none" for row in comparisons)
    assert comparison_rows(cells, None) == []


def test_the_summary_is_written_shown_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = [{"max_miss_rate": 0.0, "budget": "none"}, {"min_success": 1.0, "scenario": "late", "severity": 1}]
    suite = make_suite(tmp_path, limits=limits)
    found = run(suite, tmp_path / "out")
    with pytest.raises(LimitError, match=r"Limit 2, tiny, late at 1, budget none: success rate 0, .*1 more cells"):
        publish(suite, tmp_path / "out", found, tmp_path / "result.json")
    content = json.loads((tmp_path / "result.json").read_text())
    assert content == json.loads((tmp_path / "out" / SUMMARY).read_text())
    assert [row["mode"] for row in content["rows"]] == ["cell"] * 10 + ["comparison"] * 5
    shown = capsys.readouterr().out
    assert "against none on the same seeds" in shown
    assert max(map(len, shown.splitlines())) <= 120


def row_of(success_rate: float | None, **others: float) -> dict[str, Any]:
    return {"success_rate": success_rate, "return_mean": 1.0, "miss_rate": 0.0, **others}


def test_every_limit_is_judged_where_it_is_about(tmp_path: Path) -> None:
    clear, noisy = Cell("tiny", "clear", 0.0, "sealed"), Cell("tiny", "noise", 1.0, "sealed")
    table = {clear: row_of(0.9), noisy: row_of(0.5, miss_rate=0.2)}

    def judge(**limit: object) -> None:
        require_limits_kept(make_suite(tmp_path, limits=[limit]), table)

    judge(min_success=0.5)
    judge(max_drop=0.4)
    judge(scenario="clear", max_miss_rate=0.0)
    with pytest.raises(LimitError, match=r"drop of the success rate 0.4, expected at most 0.3"):
        judge(max_drop=0.3)
    with pytest.raises(LimitError, match=r"noise at 1, budget sealed: miss rate 0.2, expected at most 0.1"):
        judge(max_miss_rate=0.1)
    with pytest.raises(LimitError, match=r"mean return 1, expected at least 2\. 1 more cells"):
        judge(min_return=2.0)
    table[noisy] = row_of(None)
    with pytest.raises(LimitError, match="success rate unknown"):
        judge(min_success=0.5)
    table[noisy] = row_of(0.5, return_mean=float("nan"))
    with pytest.raises(LimitError, match="mean return nan"):
        judge(min_return=-1e9)
