"""The tables of a task: its budgets, and every fault against none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.report.severity_curve import SeverityCurve
from sim.report.task import Task
from sim.report.timing import MissRate, TickTime, floor_of
from sim.suite.cells import Cell

Table = tuple[list[dict[str, Any]], list[str]]


def budget_table(task: Task, cells: Sequence[Cell]) -> Table:
    """Return settings and scores of budgets; a setting that none of them has is left out."""
    rows: list[dict[str, Any]] = []
    backends, precisions = (len({task.rows[cell][key] for cell in cells}) for key in ("backend", "precision"))
    for cell in cells:
        row = task.rows[cell]
        rows.append(
            {
                "budget": cell.budget,
                "backend": row["backend"] if backends > 1 else None,
                "precision": row["precision"] if precisions > 1 else None,
                "N": row["num_particles"],
                "steps": row["max_steps"],
                "step size": row["step_size"] if row["max_steps"] else None,
                "max distance": row["max_distance"],
                "deadline (ms)": row["deadline_ms"],
                score_name(task): str(task.score(cell)),
                "episodes": row["episodes"],
            }
        )
    return rows, _filled(rows)


def time_table(task: Task, cells: Sequence[Cell]) -> Table:
    """Return what the ticks of budgets took, what they missed, and how far they moved the particles."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        row, floor = task.rows[cell], floor_of(task, cell)
        rows.append(
            {
                "budget": cell.budget,
                "tick p50 / p99 (ms)": _text(TickTime.of(task.episodes[cell])),
                "missed (95 %)": str(MissRate.of(task.episodes[cell])) if task.has_deadline else None,
                "floor": None if floor is None or not task.has_deadline else f"{100 * floor:.2g} %",
                "steps taken": f"{row['mean_steps']:.2g} of {row['max_steps']}" if row["max_steps"] else "0",
                "displacement": row["displacement_rms"],
                "value": row["value_mean"],
                "to the data": row["data_distance_mean"],
            }
        )
    return rows, _filled(rows)


def fault_table(task: Task, curves: Sequence[SeverityCurve]) -> Table:
    """Return every fault, severity and budget against the same budget without faults."""
    rows: list[dict[str, Any]] = []
    for curve in curves:
        for point in curve.points[1:]:
            found = point.difference
            assert found is not None  # every point but the first has one
            row = task.rows[point.cell]
            rows.append(
                {
                    "fault": curve.scenario,
                    "severity": f"{point.severity:g}",
                    "budget": curve.budget,
                    score_name(task): str(point.score),
                    "against no fault (95 %)": str(found),
                    "better / worse": f"{found.better} / {found.worse}",
                    "p": f"{found.p_value:.2g}",
                    "missed": f"{100 * row['miss_rate']:.2g} %" if task.has_deadline else None,
                }
            )
    return rows, _filled(rows)


def score_name(task: Task) -> str:
    """Return the head of the column with the scores."""
    return "success (95 %)" if task.is_rate else "return (95 %)"


def _text(time: TickTime | None) -> str | None:
    return None if time is None else str(time)


def _filled(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [column for column in rows[0] if any(row[column] is not None for row in rows)] if rows else []
