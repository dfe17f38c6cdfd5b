"""What is shown of a suite: one line per cell, and one per comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Table = tuple[list[dict[str, Any]], list[str]]


def cell_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of the table of cells; what is the same in all of them is left out."""
    success = any(row["success_rate"] is not None for row in rows)
    cells = [
        {
            "task": row["task"],
            "scenario": row["scenario"],
            "severity": f"{row['severity']:g}",
            "budget": row["budget"],
            "success % (95 %)": _percent(row, "success_rate", "success_low", "success_high"),
            "return (95 %)": _interval(row, "return_mean", "return_low", "return_high"),
            "steps": f"{row['mean_steps']:.3g}",
            "misses": f"{100 * row['miss_rate']:.3g} %",
        }
        for row in rows
    ]
    hidden = {"return (95 %)"} if success else {"success % (95 %)"}
    hidden |= {name for name in ("task", "scenario", "severity") if len({cell[name] for cell in cells}) < 2}
    hidden |= {"misses"} if all(row["miss_rate"] == 0 for row in rows) else set()
    return cells, [column for column in cells[0] if column not in hidden] if cells else []


def comparison_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of the table of comparisons."""
    success = any(row["success_difference"] is not None for row in rows)
    low, high = ("success_difference_low", "success_difference_high")
    cells = [
        {
            "task": row["task"],
            "scenario": row["scenario"],
            "severity": f"{row['severity']:g}",
            "budget": row["budget"],
            "against": row["baseline"],
            "success % (95 %)": _percent(row, "success_difference", low, high, sign="+"),
            "return (95 %)": _interval(
                row, "return_difference", "return_difference_low", "return_difference_high", sign="+"
            ),
            "better/worse": f"{row['better']}/{row['worse']}",
            "p": f"{row['p_value']:.2g}",
        }
        for row in rows
    ]
    hidden = {"return (95 %)"} if success else {"success % (95 %)"}
    hidden |= {name for name in ("task", "scenario", "severity", "against") if len({cell[name] for cell in cells}) < 2}
    return cells, [column for column in cells[0] if column not in hidden] if cells else []


def _percent(row: Row, *names: str, sign: str = "") -> str | None:
    if row[names[0]] is None:
        return None
    rate, low, high = (f"{100 * row[name]:{sign}.0f}" for name in names)
    return f"{rate} ({low} to {high})"


def _interval(row: Row, *names: str, sign: str = "") -> str | None:
    if row[names[0]] is None:
        return None
    mean, low, high = (f"{row[name]:{sign}.4g}" for name in names)
    return f"{mean} ({low} to {high})"
