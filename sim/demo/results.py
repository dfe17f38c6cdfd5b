"""What came out, as rows: for programs, and as the tables of the terminal and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sim.demo.comparison import Comparison
from sim.demo.driving import BACKEND, DEADLINE_SHARE, THREADS
from sim.demo.request import Request
from sim.demo.tour import Tour
from sim.demo.verdict import judge
from sim.demo.video import Video
from sim.evaluation.report import table
from vgf_robot.bundle import Bundle

_PAGE_ONLY = ("N", "periods", "tick ms", "moved")
Cells = tuple[list[dict[str, Any]], list[str]]


def rows_of(tour: Tour) -> list[dict[str, Any]]:
    """Return all rows: the budgets in lock-step, the live one, then the modes under load and on the idle machine."""
    rows = [dict(row) for row in (*tour.arm.rows, tour.live.row, *tour.load.rows)]
    return rows + [dict(row) for row in (tour.synthetic.rows if tour.synthetic is not None else ())]


def settings_of(tour: Tour, request: Request, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return what is needed to repeat the demo, what it was expected to show, and how long it took.

    Args:
        tour: What came out.
        request: What was run.
        seconds: Of each stage.
    """
    comparisons = [found for found in (tour.load, tour.synthetic) if found is not None]
    return {
        "arm": _facts(request.arm),
        "hopper": _facts(request.hopper),
        "seed": request.seed,
        "extent": msgspec.to_builtins(request.extent),
        "backend": BACKEND,
        "threads": THREADS,
        "deadline_share": DEADLINE_SHARE,
        "through": request.through,
        "video": str(tour.video.path) if isinstance(tour.video, Video) else tour.video,
        "findings": {
            found.bundle.manifest.name: [msgspec.to_builtins(each) for each in judge(found)] for found in comparisons
        },
        "seconds": dict(seconds),
    }


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


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "bundle": str(bundle.folder),
        "bundle_sha256": bundle.sha256,
        "operating_point": msgspec.to_builtins(bundle.manifest.operating_point),
        "control_period_s": bundle.manifest.control_period_s,
    }
