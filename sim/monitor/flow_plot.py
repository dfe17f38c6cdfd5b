"""The particles' way in two dimensions of the action, as a drawing."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

_SIDE, _EDGE = 300.0, 34.0
_GREY, _FLOW, _CHOSEN = "#9aa6b4", "#e08214", "#1a5fb4"


def flow_svg(path: NDArray[np.float32], chosen: int, axes: tuple[int, int], names: tuple[str, str]) -> str:
    """Return the drawing: grey dots where particles were drawn, a line as they moved, the chosen one in blue.

    Args:
        path: Shape (S + 1, N, A), in normalised action units: from the reference to the last step.
        chosen: Index of the chosen particle.
        axes: The two entries of the action.
        names: Of these.
    """
    low, high = _range(path[:, :, list(axes)])
    points = _EDGE + (path[:, :, list(axes)] - low) / (high - low) * (_SIDE - 2 * _EDGE)
    points[:, :, 1] = _SIDE - points[:, :, 1]  # a drawing's y goes down
    order = [index for index in range(path.shape[1]) if index != chosen] + [chosen]
    lines = "".join(_particle(points[:, index], _CHOSEN if index == chosen else _FLOW) for index in order)
    return (
        f'<div style="text-align:center"><svg viewBox="0 0 {_SIDE:g} {_SIDE:g}" width="72%" '
        f'font-family="system-ui,sans-serif" font-size="10" fill="#47525f">'
        f"{_frame(low, high, names)}{lines}</svg></div>"
    )


def _range(path: NDArray[np.float32]) -> tuple[float, float]:
    """Return one range for both axes, so that directions are as they are; the whole of it unless all is near zero."""
    farthest = float(np.abs(path[np.isfinite(path)]).max(initial=0.0))
    reach = 1.0 if farthest <= 1.0 else farthest
    return -1.05 * reach, 1.05 * reach


def _particle(points: NDArray[np.float32], colour: str) -> str:
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    first, last = points[0], points[-1]
    width, radius = (2.5, 4.5) if colour == _CHOSEN else (1.2, 2.6)
    return (
        f'<circle cx="{first[0]:.1f}" cy="{first[1]:.1f}" r="2.2" fill="{_GREY}"/>'
        f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="{radius}" fill="{colour}"/>'
    )


def _frame(low: float, high: float, names: tuple[str, str]) -> str:
    middle = _SIDE / 2
    near, far = _EDGE, _SIDE - _EDGE
    return (
        f'<rect x="{near}" y="{near}" width="{far - near}" height="{far - near}" fill="#fafbfc" stroke="#cfd6de"/>'
        f'<line x1="{near}" y1="{middle}" x2="{far}" y2="{middle}" stroke="#e2e7ec"/>'
        f'<line x1="{middle}" y1="{near}" x2="{middle}" y2="{far}" stroke="#e2e7ec"/>'
        f'<text x="{middle}" y="{_SIDE - 6}" text-anchor="middle">{escape(names[0])}</text>'
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">{escape(names[1])}</text>'
        f'<text x="{near}" y="{_SIDE - 20}" text-anchor="middle">{low:.2g}</text>'
        f'<text x="{far}" y="{_SIDE - 20}" text-anchor="middle">{high:.2g}</text>'
    )
