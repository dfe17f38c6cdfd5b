"""What a bolder budget costs: score, displacement and value against the largest distance that particles may go."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sim.page import BLUE, GREEN, GREY, ORANGE
from sim.report.figures import score_axis, styled, whiskers
from sim.report.task import Task
from sim.suite.cells import Cell

_SETTING = (
    "num_particles",
    "max_steps",
    "step_size",
    "min_gain",
    "selection",
    "deadline_ms",
    "reference_steps",
    "precision",
)


def cautions(task: Task) -> list[list[Cell]]:
    """Return the groups of budgets without faults that differ in the largest distance alone, the most careful first."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in task.clear:
        row = task.rows[cell]
        if row["max_steps"] > 0:
            groups.setdefault(tuple(row[key] for key in _SETTING), []).append(cell)
    found = [group for group in groups.values() if len({task.rows[cell]["max_distance"] for cell in group}) > 1]
    return [sorted(group, key=lambda cell: task.rows[cell]["max_distance"] or float("inf")) for group in found]


def caution_figure(task: Task, cells: Sequence[Cell]) -> go.Figure:
    """Return score, displacement and, where the critic scored the actions, value against the largest distance."""
    rows = [task.rows[cell] for cell in cells]
    limits = ["no limit" if row["max_distance"] is None else f"{row['max_distance']:g}" for row in rows]
    title, factor = score_axis(task.is_rate)
    scores = [task.score(cell) for cell in cells]
    panels: list[tuple[str, list[float | None], str]] = [
        (title, [factor * score.value for score in scores], BLUE),
        ("displacement (rms)", [row["displacement_rms"] for row in rows], ORANGE),
        ("value of the critic", [row["value_mean"] for row in rows], GREEN),
        ("distance to the data", [row["data_distance_mean"] for row in rows], GREY),
    ]
    panels = [panel for panel in panels if any(value is not None for value in panel[1])]
    figure = make_subplots(rows=len(panels), shared_xaxes=True, vertical_spacing=0.08)
    for place, (name, values, colour) in enumerate(panels, start=1):
        error = {"error_y": whiskers(scores, factor)} if place == 1 else {}
        figure.add_scatter(
            x=limits, y=values, mode="lines+markers", line={"color": colour, "width": 2}, marker={"size": 9},
            name=name, showlegend=False, row=place, col=1, **error,
        )  # fmt: skip
        figure.update_yaxes(title_text=name, row=place, col=1)
    figure.update_xaxes(type="category")
    text = "max_distance (normalised action units)"
    figure.update_xaxes(title_text=text, row=len(panels), col=1)
    return styled(figure, 100 + 170 * len(panels))
