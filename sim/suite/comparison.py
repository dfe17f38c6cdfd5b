"""Budgets against a baseline on the same seeds: what one episode's luck has in common cancels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

from sim.evaluation.rows import mean_interval
from sim.suite.cells import Cell
from sim.suite.episode_row import Row

COMPARISON = "comparison"
_SUCCESS = ("success_difference", "success_difference_low", "success_difference_high")
_RETURN = ("return_difference", "return_difference_low", "return_difference_high")


def comparison_rows(cells: Mapping[Cell, Sequence[Row]], baseline: str | None) -> list[dict[str, Any]]:
    """Return one row for every cell and the same cell with the baseline's budget.

    Args:
        cells: Their episodes.
        baseline: The budget's name; None for no comparison.
    """
    rows: list[dict[str, Any]] = []
    for cell, episodes in cells.items():
        other = cells.get(cell._replace(budget=baseline)) if baseline is not None else None
        if other is not None and cell.budget != baseline:
            rows.append({"mode": COMPARISON, **cell._asdict(), "baseline": baseline, **compared(episodes, other)})
    return rows


def compared(episodes: Sequence[Row], baseline: Sequence[Row]) -> dict[str, Any]:
    """Return how episodes differ from those of a baseline with the same seeds.

    Intervals are 95 % percentile-bootstrap intervals of the mean difference over pairs. `p_value` is that of the exact
    two-sided sign test over the pairs that differ: in success where there is one, else in return. Only episodes that
    both have are counted.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13; the sign test on success is
    McNemar's, "Note on the sampling error of the difference between correlated proportions", 1947, in its exact form.
    """
    theirs = {row["episode"]: row for row in baseline}
    pairs = [(row, theirs[row["episode"]]) for row in episodes if row["episode"] in theirs]
    result: dict[str, Any] = {"episodes": len(pairs), **dict.fromkeys((*_SUCCESS, *_RETURN))}
    if not pairs:
        return result
    returns = [one["return"] - other["return"] for one, other in pairs]
    result |= _difference(_RETURN, returns)
    decisive = returns
    if all(row["success"] is not None for pair in pairs for row in pair):
        decisive = [float(one["success"]) - float(other["success"]) for one, other in pairs]
        result |= _difference(_SUCCESS, decisive)
    better, worse = (int(np.sum(np.sign(decisive) == sign)) for sign in (1, -1))
    return {**result, "better": better, "worse": worse, "p_value": sign_test(better, worse)}


def sign_test(better: int, worse: int) -> float:
    """Return the probability of a result at least as uneven, were either direction equally likely."""
    total, fewer = better + worse, min(better, worse)
    tail = sum(comb(total, count) for count in range(fewer + 1)) / 2**total
    return min(1.0, 2 * tail)


def _difference(names: tuple[str, ...], values: Sequence[float]) -> dict[str, float]:
    return dict(zip(names, (float(np.mean(values)), *mean_interval(values)), strict=True))
