"""The table for people: few enough columns for a terminal, and only those in which there is something to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def table(rows: Sequence[Row]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cells and the columns of the table.

    Args:
        rows: With the keys of the JSON.

    Returns:
        One mapping per row from column to cell, and the columns in order.
    """
    cells = [{column: read(row) for column, read in _COLUMNS.items()} for row in rows]
    hidden = {column for column in _COLUMNS if all(cell[column] is None for cell in cells)}
    hidden |= {column for column in ("size", "choice") if len({cell[column] for cell in cells} - {None}) < 2}
    if any(row["success_rate"] is not None for row in rows):
        hidden.add("return (95 %)")
    if any(row["deadline_ms"] is not None for row in rows):
        hidden.add("moved")  # against the clock, misses are the news
    elif all(row["miss_rate"] == 0 for row in rows):
        hidden.add("misses")
    return cells, [column for column in _COLUMNS if column not in hidden]


def _steps(row: Row) -> str:
    """Return the steps allowed, and what was taken of them where a deadline cut some off."""
    whole = row["deadline_ms"] is None or row["max_steps"] == 0
    return str(row["max_steps"]) if whole else f"{row['mean_steps']:.2g} of {row['max_steps']}"


def _success(row: Row) -> str | None:
    if row["success_rate"] is None:
        return None
    rate, low, high = (100 * row[key] for key in ("success_rate", "success_low", "success_high"))
    return f"{rate:.0f} ({low:.0f} to {high:.0f})"


def _return(row: Row) -> str:
    return f"{row['return_mean']:.4g} ({row['return_low']:.3g} to {row['return_high']:.3g})"


def _misses(row: Row) -> str:
    return f"{100 * row['miss_rate']:.3g} %"


def _key(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


_COLUMNS: dict[str, Callable[[Row], Any]] = {
    "mode": _key("mode"),
    "N": _key("num_particles"),
    "steps": _steps,
    "size": _key("step_size"),
    "choice": _key("selection"),
    "success % (95 %)": _success,
    "return (95 %)": _return,
    "moved": _key("displacement_rms"),
    "misses": _misses,
    "tick ms": _key("tick_ms"),
    "trip ms": _key("round_trip_ms"),
}
