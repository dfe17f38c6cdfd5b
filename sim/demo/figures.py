"""The plots of the page, each with its units on the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from sim.demo.trace import PeriodSeries, window_means
from sim.page import BLUE, GREEN, GREY, ORANGE, RED

COLOURS = {
    "reference": GREY,
    "best-of-n": ORANGE,
    "tuned": BLUE,
    "fixed-0": GREY,
    "fixed-cap": ORANGE,
    "adaptive": BLUE,
    "adaptive, idle": GREEN,
}
_NUM_BINS = 64  # the deadline is the edge between two of them
_SPAN = 1.6  # the histogram ends at this multiple of the deadline; what comes later is in its last bar
_WINDOW_S = 0.5


def success_figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Return success rates with their 95 % intervals, a bar per budget."""
    figure = go.Figure()
    for row in rows:
        rate, low, high = (100 * row[key] for key in ("success_rate", "success_low", "success_high"))
        figure.add_bar(
            x=[f"<b>{row['mode']}: {rate:.0f} %</b><br>N = {row['num_particles']}, {row['max_steps']} steps"],
            y=[rate],
            error_y={"type": "data", "symmetric": False, "array": [high - rate], "arrayminus": [rate - low]},
            marker_color=COLOURS[row["mode"]],
            width=0.5,
            showlegend=False,
        )
    figure.update_yaxes(title_text="episodes solved (%)", range=[0, 105])
    return _styled(figure, height=340)


def latency_figure(series: Mapping[str, PeriodSeries], miss_rates: Sequence[float], deadline_ms: float) -> go.Figure:
    """Return when answers came, a histogram per mode above each other, with the deadline through all of them.

    Args:
        series: By the label of the mode.
        miss_rates: Of each, as in its row.
        deadline_ms: From the start of a period.
    """
    titles = [
        f"{label}: {100 * rate:.2f} % of {found.missed.size} periods missed"
        for (label, found), rate in zip(series.items(), miss_rates, strict=True)
    ]
    figure = make_subplots(
        rows=len(series), shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.24 / len(series)
    )
    edges = np.linspace(0.0, _SPAN * deadline_ms, _NUM_BINS + 1)
    width = float(edges[1] - edges[0])
    for index, (label, found) in enumerate(series.items(), start=1):
        middles, shares = _histogram(found.answer_ms, edges)
        colours = [COLOURS.get(label, BLUE) if middle <= deadline_ms else RED for middle in middles]
        figure.add_bar(x=middles, y=shares, width=width, marker_color=colours, showlegend=False, row=index, col=1)
        figure.add_vline(x=deadline_ms, line={"color": RED, "dash": "dash", "width": 1.5}, row=index, col=1)  # pyright: ignore[reportArgumentType]
    figure.update_yaxes(type="log", range=[-2, 2], tickvals=[0.01, 1, 100], title_text="periods (%)")
    _label_time_axis(figure, deadline_ms, edges, len(series))
    return _styled(figure, height=130 + 130 * len(series))


def steps_figure(series: Mapping[str, PeriodSeries]) -> go.Figure:
    """Return transport steps over time, and below them the misses, as means over half a second."""
    figure = make_subplots(
        rows=2, shared_xaxes=True, subplot_titles=["steps taken", "periods missed"], vertical_spacing=0.12
    )
    for label, found in series.items():
        line = {"color": COLOURS[label], "width": 2}
        for row, values in ((1, found.steps), (2, 100 * found.missed.astype(np.float64))):
            times, means = window_means(values, found.period_s, max(_WINDOW_S, found.period_s))
            figure.add_scatter(
                x=times, y=means, mode="lines", line=line, name=label, showlegend=row == 1, row=row, col=1
            )
    figure.update_yaxes(title_text="steps per period", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text="periods (%)", rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title_text="control time of the mode, episodes one behind the other (s)", row=2, col=1)
    return _styled(figure, height=460)


def _histogram(answer_ms: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return the middles of the bins and the share of periods in each, in percent; the last holds all the rest."""
    inside = answer_ms[np.isfinite(answer_ms) & (answer_ms < edges[-1])]
    counts, _ = np.histogram(inside, edges)
    counts = np.append(counts, answer_ms.size - inside.size)
    width = edges[1] - edges[0]
    middles = np.append(edges[:-1], edges[-1] + width) + width / 2  # a gap before the bar of all the rest
    shares = 100 * counts / max(1, answer_ms.size)
    return [float(middle) for middle in middles], [float(share) for share in shares]


def _label_time_axis(figure: go.Figure, deadline_ms: float, edges: NDArray[np.float64], num_rows: int) -> None:
    shares = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
    ticks = [share * deadline_ms for share in shares]
    texts = [f"{tick:.3g}" for tick in ticks]
    texts[4] += "<br><b>deadline</b>"
    width = float(edges[1] - edges[0])
    ticks.append(float(edges[-1]) + 1.5 * width)
    texts.append("later<br>or none")
    figure.update_xaxes(tickvals=ticks, ticktext=texts, range=[0, edges[-1] + 3 * width])
    figure.update_xaxes(showticklabels=True, title_text="answer after the period began (ms)", row=num_rows, col=1)


def _styled(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
        legend={"orientation": "h", "y": 1.12, "x": 1, "xanchor": "right"},
        bargap=0.35,
    )
    figure.update_annotations(font_size=13)
    return figure
