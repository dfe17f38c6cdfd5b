"""The plots of faults: a curve per scenario, and how much of the score each leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from sim.page import GREY, RED
from sim.report.figures import score_axis, styled, whiskers
from sim.report.severity_curve import SeverityCurve

_OFFSET = 0.012  # whiskers of several budgets shall not lie on each other
_ROW = 26


def severity_figure(curves: Sequence[SeverityCurve], colours: Mapping[str, str], top: float) -> go.Figure:
    """Return the scores of all budgets against the severity of one scenario.

    Args:
        curves: Of the scenario, one per budget.
        colours: By budget.
        top: Upper end of the axis, the same for all scenarios, in the units of a score.
    """
    title, factor = score_axis(curves[0].points[0].score.is_rate)
    figure = go.Figure()
    for place, curve in enumerate(curves):
        shift = _OFFSET * (place - (len(curves) - 1) / 2)
        scores = [point.score for point in curve.points]
        figure.add_scatter(
            x=[point.severity + shift for point in curve.points],
            y=[factor * score.value for score in scores],
            error_y=whiskers(scores, factor),
            mode="lines+markers",
            line={"color": colours[curve.budget], "width": 2},
            marker={"size": 8},
            name=curve.budget,
            hovertext=[f"{curve.budget} at {point.severity:g}: {point.score}" for point in curve.points],
            hoverinfo="text",
            showlegend=False,
        )
    figure.update_xaxes(title_text="severity", range=[-0.05, 1.05], tickvals=[0, 0.25, 0.5, 0.75, 1])
    bottom = min(0.0, *(point.score.low or 0.0 for curve in curves for point in curve.points))
    figure.update_yaxes(title_text=title, range=[1.05 * factor * bottom, 1.05 * factor * top])
    figure = styled(figure, 240)
    return figure.update_layout(margin={"l": 12, "r": 12, "t": 8, "b": 40})


def breaking_figure(curves: Sequence[SeverityCurve], colour: str) -> go.Figure:
    """Return what is left of a budget's score at the highest severity of each scenario, the worst one on top."""
    scores = [curve.last.score for curve in curves]
    title, factor = score_axis(scores[0].is_rate)
    halves = [curve.half_severity for curve in curves]
    names = [curve.scenario for curve in curves]
    clear = factor * curves[0].points[0].score.value
    figure = go.Figure()
    figure.add_bar(
        x=[factor * score.value for score in scores],
        y=names,
        orientation="h",
        error_x={**whiskers(scores, factor), "color": GREY},
        marker_color=[colour if half is None else RED for half in halves],
        hovertext=[f"{name}: {score}" for name, score in zip(names, scores, strict=True)],
        hoverinfo="text",
        showlegend=False,
    )
    figure.add_vline(x=clear, line={"color": GREY, "dash": "dot", "width": 1.5})  # pyright: ignore[reportArgumentType]
    figure.update_xaxes(title_text=f"{title} at severity {max(c.last.severity for c in curves):g}")
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_layout(bargap=0.35)
    return styled(figure, 100 + _ROW * max(2, len(curves)))
