"""Whether the cells of a suite keep the limits that were set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.suite.cells import Cell
from sim.suite.consistency import judged
from sim.suite.suite import CLEAR, Limit, Suite
from vgf_robot.errors import LimitError

Rows = Mapping[Cell, Mapping[str, Any]]


def require_limits_kept(suite: Suite, rows: Rows) -> None:
    """Check every limit in every cell that it names.

    Args:
        suite: With the limits.
        rows: One for every cell.

    Raises:
        LimitError: The first that is not kept, and how many others are not.
    """
    complaints = [text for number, limit in enumerate(suite.limits, 1) for text in complaints_of(number, limit, rows)]
    if complaints:
        others = f" {len(complaints) - 1} more cells do not keep theirs." if len(complaints) > 1 else ""
        raise LimitError(f"{complaints[0]}{others}")


def complaints_of(number: int, limit: Limit, rows: Rows) -> list[str]:
    """Return a sentence for every cell that does not keep a limit.

    Args:
        number: The limit's, from 1 on.
        limit: What must hold.
        rows: One for every cell.
    """
    found: list[str] = []
    for cell in judged(limit, rows):
        for what, value, bound, side in _asked(limit, cell, rows):
            kept = value is not None and (value >= bound if side == "least" else value <= bound)  # NaN keeps none
            if not kept:
                shown = "unknown" if value is None else f"{value:.4g}"
                found.append(
                    f"Limit {number}, {cell.task}, {cell.scenario} at {cell.severity:g}, budget {cell.budget}: {what} "
                    f"{shown}, expected at {side} {bound:g}."
                )
    return found


def _asked(limit: Limit, cell: Cell, rows: Rows) -> list[tuple[str, float | None, float, str]]:
    row, asked = rows[cell], list[tuple[str, float | None, float, str]]()
    if limit.min_success is not None:
        asked.append(("success rate", row["success_rate"], limit.min_success, "least"))
    if limit.min_return is not None:
        asked.append(("mean return", row["return_mean"], limit.min_return, "least"))
    if limit.max_miss_rate is not None:
        asked.append(("miss rate", row["miss_rate"], limit.max_miss_rate, "most"))
    if limit.max_drop is not None and cell.severity > 0:
        clear = rows[cell._replace(scenario=CLEAR, severity=0.0)]["success_rate"]
        asked.append(("drop of the success rate", clear - row["success_rate"], limit.max_drop, "most"))
    return asked
