"""The demo's tables: the columns of `eval`, and how busy the machine was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.demo.comparison import Comparison
from sim.evaluation.report import table

_PAGE_ONLY = ("N", "periods", "tick ms", "moved")
Cells = tuple[list[dict[str, Any]], list[str]]


def arm_table(rows: Sequence[Mapping[str, Any]]) -> Cells:
    """Return cells and columns of the success table, the live episodes in its last row."""
    cells, columns = table(rows)
    for cell, row in zip(cells, rows, strict=True):
        cell["episodes"] = row["episodes"]
        if row["deadline_ms"] is None:  # nothing can be missed, and the other workers share the cores
            cell |= {"misses": None, "tick ms": None}
        else:
            cell["mode"] = f"{row['mode']}, live"
    return cells, [*columns[:1], "episodes", *columns[1:]]


def comparison_table(comparison: Comparison) -> Cells:
    """Return cells and columns of the modes under load."""
    rows = comparison.rows
    if comparison.synthetic:  # it has no return, and the table of `eval` knows no plant without one
        rows = [row | dict.fromkeys(("return_mean", "return_low", "return_high"), 0.0) for row in rows]
    cells, columns = table(rows)
    for cell, row in zip(cells, comparison.rows, strict=True):
        cell["load"] = f"{row['busy_processes']} busy" if row["busy_processes"] else "idle"
        cell["periods"] = row["periods"]
    shown = [column for column in columns if not (comparison.synthetic and column.startswith("return"))]
    return cells, [*shown[:1], "load", "periods", *shown[1:]]


def for_terminal(cells: Cells) -> Cells:
    """Return the columns that fit into 80 characters; the page shows all."""
    rows, columns = cells
    return rows, [column for column in columns if column not in _PAGE_ONLY]
