"""The page of what was found: working points, frontier, what each millisecond buys, and what caution costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import yaml

from sim import page
from sim.evaluation.modes import SWEEP
from sim.scores import Score
from sim.tuning.costs import STAGE_COSTS
from sim.tuning.rows import CAUTION, FRONTIER
from sim.tuning.tables import (
    caution_table,
    cost_table,
    frontier_table,
    left_out_table,
    sentences,
    setting_of,
    working_table,
)

Row = Mapping[str, Any]
_HEIGHT, _LOW = 380, 300
_MARGIN = {"l": 60, "r": 20, "t": 10, "b": 50}


def tuning_page(settings: Mapping[str, Any], rows: Sequence[Row], working: Sequence[Row], lead: str) -> str:
    """Return the page.

    Args:
        settings: As in the JSON.
        rows: As in the JSON.
        working: Those of working points and their rivals.
        lead: What was run, where and when.
    """
    return page.page(f"{settings['bundle_name']}: working points", lead, tuning_sections(settings, rows, working))


def tuning_sections(settings: Mapping[str, Any], rows: Sequence[Row], working: Sequence[Row]) -> list[str]:
    """Return the sections of the page, for a page of more.

    Args:
        settings: As in the JSON.
        rows: As in the JSON.
        working: Those of working points and their rivals.
    """
    frontier, caution = _of(rows, FRONTIER), _of(rows, CAUTION)
    deadlines = ", ".join(f"{each:g}" for each in settings["deadline_ms"])
    sections = [
        page.section(
            f"With {deadlines} ms for the policy", page.sentences(sentences(rows)), page.table(*working_table(working))
        ),
        page.section(
            "What each further millisecond buys",
            page.plot("score against deadline: the best setting of each", _ladder(_scored(frontier))),
            page.table(*frontier_table(frontier)),
        ),
        page.section(
            "Success against latency",
            page.plot("score against the 99th percentile of a tick, on the choosing episodes", _frontier(rows)),
        ),
    ]
    if caution:
        sections.append(_caution_section(settings, caution))
    sections += [
        page.section("What ticks take", page.table(*cost_table(_of(rows, STAGE_COSTS)))),
        page.section("What was not simulated", page.table(*left_out_table(_of(rows, SWEEP)))),
        page.section("To repeat it", page.details("settings", yaml.safe_dump(dict(settings), sort_keys=False))),
    ]
    return sections


def _scored(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if Score.of(row) is not None]


def _of(rows: Sequence[Row], mode: str) -> list[Row]:
    return [row for row in rows if row["mode"] == mode]


def _ladder(rows: Sequence[Row]) -> go.Figure:
    figure = _figure("deadline (ms)", rows)
    figure.add_scatter(**_points(rows, [row["deadline_ms"] for row in rows]), mode="lines+markers", line_shape="hv")
    figure.update_xaxes(rangemode="tozero")
    figure.update_traces(marker_color=page.BLUE, line_color=page.BLUE, showlegend=False)
    return figure


def _frontier(rows: Sequence[Row]) -> go.Figure:
    """Return every setting that was simulated whole, and the line of those that nothing quicker beats."""
    swept = [row for row in _scored(_of(rows, SWEEP)) if row["left_out"] is None and row["tick_ms"]]
    unique = list({(_key(row)): row for row in swept}.values())
    unique.sort(key=lambda row: row["tick_ms"]["p99"])
    figure = _figure("tick at p99 (ms)", unique)
    figure.update_xaxes(rangemode="tozero")
    names = [f"N {count}" for count in sorted({row["num_particles"] for row in unique})]
    for name, colour in page.colours_of(names).items():
        own = [row for row in unique if f"N {row['num_particles']}" == name]
        figure.add_scatter(
            **_points(own, [row["tick_ms"]["p99"] for row in own]), mode="markers", name=name, marker_color=colour
        )
    best: list[Row] = []
    for row in unique:
        if not best or _value(row) > _value(best[-1]):
            best.append(row)
    figure.add_scatter(
        x=[row["tick_ms"]["p99"] for row in best],
        y=[_value(row) for row in best],
        mode="lines",
        line={"shape": "hv", "color": page.GREY, "dash": "dot"},
        name="nothing quicker is better",
    )
    return figure


def _caution_section(settings: Mapping[str, Any], rows: Sequence[Row]) -> str:
    labels = ["no limit" if row["max_distance"] is None else f"{row['max_distance']:g}" for row in rows]
    score = _figure("max_distance", rows).add_scatter(**_points(rows, labels)).update_layout(height=_LOW)
    plots = [page.plot("score", score)]
    for key, title in (
        ("value_mean", "value of the chosen particles"),
        ("displacement_rms", "displacement of the chosen particles"),
        ("data_distance_mean", "distance from the data"),
    ):
        if all(row[key] is not None for row in rows):
            figure = _figure("max_distance", (), title)
            plots.append(page.plot(title, figure.add_scatter(x=labels, y=[row[key] for row in rows])))
    notes = ["Displacement in normalised action units. All on the episodes of the confirming seed."]
    if settings["data_distance_median"] is not None:
        notes.append(
            "Distance from the data: of observation and action from the nearest of up to 20,000 rows of "
            f"{settings['data']}; observations are divided by their standard deviation there, actions by half their "
            f"range. Half of those rows have another one within {settings['data_distance_median']:.3g}."
        )
    return page.section("What caution costs", page.grid(plots), page.notes(notes), page.table(*caution_table(rows)))


def _figure(x: str, rows: Sequence[Row], y: str | None = None) -> go.Figure:
    figure = go.Figure()
    is_rate = any(score.is_rate for row in rows if (score := Score.of(row)))
    figure.update_xaxes(title_text=x, type="category" if x == "max_distance" else None)  # "no limit" is no number
    figure.update_yaxes(title_text=y or ("episodes solved (%)" if is_rate else "mean return"))
    figure.update_layout(height=_HEIGHT if y is None else _LOW, margin=_MARGIN)
    return figure


def _points(rows: Sequence[Row], x: Sequence[Any]) -> dict[str, Any]:
    scores = [score for row in rows if (score := Score.of(row))]
    scale = 100 if scores and scores[0].is_rate else 1
    return {
        "x": list(x),
        "y": [scale * score.value for score in scores],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [scale * ((score.high or score.value) - score.value) for score in scores],
            "arrayminus": [scale * (score.value - (score.low or 0.0)) for score in scores],
            "thickness": 1,
        },
        "text": [_label(row) for row in rows],
        "hovertemplate": "%{text}<br>%{y:.4g} at %{x}<extra></extra>",
    }


def _label(row: Row) -> str:
    steps = f"{row['max_steps']} steps" + ("" if row["step_size"] is None else f" of {row['step_size']:g}")
    return f"N {row['num_particles']}, {steps}"


def _key(row: Row) -> tuple[Any, ...]:
    """Return what makes two rows one point: settings that were simulated once for several deadlines are one."""
    return (*setting_of(row), row["simulated_ms"])


def _value(row: Row) -> float:
    score = Score.of(row)
    return 0.0 if score is None else score.value * (100 if score.is_rate else 1)
