"""The demo's tables: the columns of `eval`, and how busy the machine was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.demo.comparison import Comparison
from sim.evaluation.table import table

Cells = tuple[list[dict[str, Any]], list[str]]


def arm_table(rows: Sequence[Mapping[str, Any]]) -> Cells:
    """Return cells and columns of the success table, the live episodes in its last row."""
    cells, columns = table(rows)
    for cell, row in zip(cells, rows, strict=True):
        cell["mode"] = row["mode"] if row["deadline_ms"] is None else f"{row['mode']}, live"
        cell["episodes"] = row["episodes"]
    return cells, [*columns[:1], "episodes", *columns[1:]]


def comparison_table(comparison: Comparison) -> Cells:
    """Return cells and columns of the modes under load."""
    cells, columns = table(comparison.rows)
    for cell, row in zip(cells, comparison.rows, strict=True):
        cell["load"] = f"{row['busy_processes']} busy" if row["busy_processes"] else "idle"
        cell["periods"] = row["periods"]
    return cells, [*columns[:1], "load", "periods", *columns[1:]]
