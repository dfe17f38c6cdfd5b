"""Scores over a run's updates, a line per setting, on a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from sim.scores import Score
from sim.selection.candidate import Candidate, Choice
from sim.whole_file import write_whole

_FONT = {"family": "system-ui, sans-serif", "size": 13, "color": "#26313d"}
_RED = "#b2182b"
_WIDTH = 1.5


def setting_text(row: Mapping[str, Any]) -> str:
    """Return a row's setting, such as `N 10, 4 steps of 0.3`."""
    steps, size = row["max_steps"], row.get("step_size")
    text = f"N {row['num_particles']}, {steps} step{'' if steps == 1 else 's'}"
    text += "" if size is None else f" of {size:g}"
    return text if row.get("selection") in (None, "argmax") else f"{text}, {row['selection']}"


def learning_curve(name: str, candidates: Sequence[Candidate], choice: Choice | None) -> go.Figure:
    """Return scores with their 95 % intervals over the critic's updates; a star stands where the choice fell.

    Args:
        name: The run's.
        candidates: In the order of their updates.
        choice: None while there is none.
    """
    figure = go.Figure()
    lines: dict[str, list[tuple[Candidate, Score]]] = {}
    for candidate in candidates:
        for row in candidate.rows:
            if (score := Score.of(row)) is not None:
                lines.setdefault(setting_text(row), []).append((candidate, score))
    for label, points in lines.items():
        figure.add_scatter(**_line(label, points))
    if choice is not None and (score := Score.of(choice.row)) is not None:
        marker = {"symbol": "star", "size": 16, "color": _RED}
        place = {"x": [_updates(choice.candidate)], "y": [_height(score)]}
        figure.add_scatter(**place, mode="markers", marker=marker, name=f"sealed: {setting_text(choice.row)}")
    is_rate = any(score.is_rate for points in lines.values() for _, score in points)
    figure.update_xaxes(title_text="updates of the critic")
    figure.update_yaxes(title_text="episodes solved (%)" if is_rate else "mean return")
    title = f"{name}: score of every checkpoint, with 95 % intervals"
    figure.update_layout(title=title, font=_FONT, template="plotly_white", height=620)
    return figure


def write_learning_curve(path: Path, name: str, candidates: Sequence[Candidate], choice: Choice | None) -> None:
    """Write the plot as one HTML file that needs no network."""
    page = learning_curve(name, candidates, choice).to_html(include_plotlyjs=True, config={"displaylogo": False})
    write_whole(path, page)


def _line(label: str, points: Sequence[tuple[Candidate, Score]]) -> dict[str, Any]:
    scores = [score for _, score in points]
    ends = [(_height(score, score.low), _height(score), _height(score, score.high)) for score in scores]
    return {
        "x": [_updates(candidate) for candidate, _ in points],
        "y": [value for _, value, _ in ends],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for _, value, high in ends],
            "arrayminus": [value - low for low, value, _ in ends],
            "thickness": 1,
        },
        "mode": "lines+markers",
        "line": {"width": _WIDTH},
        "name": label,
    }


def _updates(candidate: Candidate) -> int:
    return candidate.checkpoint.critic_updates


def _height(score: Score, end: float | None = None) -> float:
    value = score.value if end is None else end
    return 100 * value if score.is_rate else value
