"""Cells to rows: success, return and misses, and how sure they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.evaluation.rows import mean_interval, wilson_interval
from sim.suite.cells import Cell, cells_of
from sim.suite.episode_row import Row
from sim.suite.journal import key_of
from sim.suite.suite import Suite

CELL = "cell"


def by_cell(suite: Suite, rows: Sequence[Row]) -> dict[Cell, list[Row]]:
    """Return the episodes of every cell that has any, in the suite's order."""
    found: dict[Cell, list[Row]] = {cell: [] for cell in cells_of(suite)}
    for row in rows:
        found[key_of(row).cell].append(row)
    return {cell: episodes for cell, episodes in found.items() if episodes}


def cell_row(cell: Cell, episodes: Sequence[Row]) -> dict[str, Any]:
    """Return the row of a cell, under the names that every verb uses.

    Args:
        cell: Its names.
        episodes: At least one.
    """
    first, num_periods = episodes[0], sum(row["num_periods"] for row in episodes)
    fallbacks = sum((Counter(row["fallbacks"]) for row in episodes), Counter[str]())
    return {
        "mode": CELL,
        **cell._asdict(),
        **{key: first[key] for key in ("environment", "backend", "precision", "threads", "num_particles")},
        **{key: first[key] for key in ("reference_steps", "max_steps")},
        **{key: first[key] for key in ("step_size", "max_distance", "min_gain", "selection", "deadline_ms")},
        "episodes": len(episodes),
        **_success(episodes),
        **_return(episodes),
        "mean_steps": sum(row["num_steps"] for row in episodes) / num_periods,
        "miss_rate": sum(row["num_misses"] for row in episodes) / num_periods,
        "fallbacks": dict(sorted(fallbacks.items())),
        "displacement_rms": _displacement(episodes),
        "value_mean": _weighted("value_mean", "num_displaced", episodes),
        "data_distance_mean": _weighted("data_distance_mean", "num_periods", episodes),
    }


def _success(episodes: Sequence[Row]) -> dict[str, float | None]:
    names = ("success_rate", "success_low", "success_high")
    if any(row["success"] is None for row in episodes):
        return dict.fromkeys(names)
    successes = sum(row["success"] for row in episodes)
    return dict(zip(names, (successes / len(episodes), *wilson_interval(successes, len(episodes))), strict=True))


def _return(episodes: Sequence[Row]) -> dict[str, float]:
    returns = [row["return"] for row in episodes]
    low, high = mean_interval(returns)
    return {"return_mean": float(np.mean(returns)), "return_low": low, "return_high": high}


def _displacement(episodes: Sequence[Row]) -> float | None:
    counts = [row["num_displaced"] for row in episodes]
    squares = [row["num_displaced"] * row["displacement_rms"] ** 2 for row in episodes if row["num_displaced"]]
    return float(np.sqrt(sum(squares) / sum(counts))) if squares else None


def _weighted(mean: str, count: str, episodes: Sequence[Row]) -> float | None:
    """Return a mean over all periods from those of the episodes."""
    known = [row for row in episodes if row.get(mean) is not None]
    periods = sum(row[count] for row in known)
    return sum(row[count] * row[mean] for row in known) / periods if periods else None
