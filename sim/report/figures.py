"""The plots of a task without faults: score, frontier, misses and latencies of its budgets, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from sim.page import GREY, RED
from sim.report.frontier import WorkingPoint, frontier
from sim.report.task import Task
from sim.report.timing import MissRate, TickTime, floor_of
from sim.scores.score import Score
from sim.suite.cells import Cell

Colours = Mapping[str, str]
_ROW = 34  # pixels of a line in a plot of budgets


def score_axis(is_rate: bool) -> tuple[str, float]:
    """Return the title of a score's axis and what its numbers are multiplied by."""
    return ("episodes solved (%)", 100.0) if is_rate else ("return of an episode", 1.0)


def whiskers(scores: Sequence[Score], factor: float) -> dict[str, Any]:
    """Return 95 % intervals as plotly's error bars."""
    ends = [(score.value, score.low, score.high) for score in scores]
    return error_bars([[factor * (each[0] if end is None else end) for end in each] for each in ends])


def error_bars(intervals: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return intervals, each as its value, lower and upper end, as plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value) for value, _, high in intervals],
        "arrayminus": [max(0.0, value - low) for value, low, _ in intervals],
        "thickness": 1.5,
        "width": 4,
    }


def score_figure(task: Task, cells: Sequence[Cell], colours: Colours) -> go.Figure:
    """Return the scores of budgets, a line each."""
    title, factor = score_axis(task.is_rate)
    scores = [task.score(cell) for cell in cells]
    figure = go.Figure()
    for cell, score in zip(cells, scores, strict=True):
        _add_estimate(figure, cell, colours, factor * score.value, whiskers([score], factor), str(score))
    figure.update_xaxes(title_text=title, rangemode="tozero", range=[0, 102] if task.is_rate else None)
    return budgets_down(figure, len(cells))


def frontier_figure(points: Sequence[WorkingPoint], colours: Colours, is_rate: bool) -> go.Figure:
    """Return scores against the time of a tick, with a line through those that nothing cheaper beats."""
    title, factor = score_axis(is_rate)
    figure = go.Figure()
    edge = frontier(points)
    figure.add_scatter(
        x=[point.tick_ms for point in edge],
        y=[factor * point.score.value for point in edge],
        mode="lines",
        line={"color": GREY, "width": 1.5, "shape": "hv", "dash": "dot"},
        name="frontier",
        hoverinfo="skip",
    )
    for name in dict.fromkeys(point.group for point in points):
        own = [point for point in points if point.group == name]
        scores = [point.score for point in own]
        figure.add_scatter(
            x=[point.tick_ms for point in own],
            y=[factor * score.value for score in scores],
            error_y=whiskers(scores, factor),
            mode="markers",
            marker={"size": 11, "color": colours.get(name, GREY)},
            name=name,
            hovertext=[f"{point.label}: {point.score}, {point.tick_ms:.2f} ms" for point in own],
            hoverinfo="text",
        )
    figure.update_xaxes(title_text="time of a tick, p99 (ms)", rangemode="tozero")
    figure.update_yaxes(title_text=title, rangemode="tozero", range=[0, 102] if is_rate else None)
    return styled(figure, 380)


def miss_figure(task: Task, cells: Sequence[Cell], colours: Colours) -> go.Figure:
    """Return the miss rates of budgets, and beside each the floor that no budget goes below."""
    rates = [MissRate.of(task.episodes[cell]) for cell in cells]
    floors = [floor_of(task, cell) for cell in cells]
    figure = go.Figure()
    for cell, rate in zip(cells, rates, strict=True):
        interval = (100 * rate.rate, 100 * rate.low, 100 * rate.high)
        _add_estimate(figure, cell, colours, interval[0], error_bars([interval]), str(rate))
    figure.add_scatter(
        x=[None if floor is None else 100 * floor for floor in floors],
        y=[cell.budget for cell in cells],
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 20, "color": GREY, "line": {"width": 2}},
        name="floor: no step, same deadline",
        cliponaxis=False,
    )
    figure.update_xaxes(title_text="periods missed (%)", rangemode="tozero")
    return budgets_down(figure, len(cells))


def latency_figure(task: Task, cells: Sequence[Cell], colours: Colours) -> go.Figure:
    """Return p50, p99 and the longest tick of budgets against their deadlines."""
    timed = [(cell, time) for cell in cells if (time := TickTime.of(task.episodes[cell])) is not None]
    figure = go.Figure()
    for cell, time in timed:
        figure.add_scatter(
            x=[time.p50, time.p99, time.longest],
            y=[cell.budget] * 3,
            mode="lines+markers",
            line={"color": colours[cell.budget], "width": 2},
            marker={"symbol": ["circle", "diamond", "line-ns-open"], "size": [11, 11, 12], "line": {"width": 2}},
            hovertext=[
                f"{what} {value:.2f} ms"
                for what, value in (("p50", time.p50), ("p99", time.p99), ("longest", time.longest))
            ],
            hoverinfo="text",
            showlegend=False,
        )
    deadlines = [(cell.budget, task.rows[cell]["deadline_ms"]) for cell, _ in timed]
    figure.add_scatter(
        x=[deadline for _, deadline in deadlines if deadline is not None],
        y=[budget for budget, deadline in deadlines if deadline is not None],
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 22, "color": RED, "line": {"width": 2.5}},
        name="deadline",
        hovertemplate="deadline %{x:.3g} ms<extra></extra>",
    )
    figure.update_xaxes(title_text="time of a tick (ms)", rangemode="tozero")
    return budgets_down(figure, len(timed))


def _add_estimate(
    figure: go.Figure, cell: Cell, colours: Colours, value: float, interval: dict[str, Any], text: str
) -> None:
    """Add a dot with its interval; each is a trace of its own, from which its interval has the colour."""
    figure.add_scatter(
        x=[value],
        y=[cell.budget],
        error_x=interval,
        mode="markers",
        marker={"size": 11, "color": colours[cell.budget]},
        hovertext=f"{cell.budget}: {text}",
        hoverinfo="text",
        cliponaxis=False,
        showlegend=False,
    )


def budgets_down(figure: go.Figure, count: int) -> go.Figure:
    """Return a plot with a line per budget, the first one on top."""
    figure.update_yaxes(type="category", range=[count - 0.5, -0.5])
    return styled(figure, 110 + _ROW * max(2, count))


def styled(figure: go.Figure, height: int) -> go.Figure:
    """Return a plot with the margins and the legend that all have; colours come with the page."""
    figure.update_layout(
        height=height,
        margin={"l": 12, "r": 16, "t": 28, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
