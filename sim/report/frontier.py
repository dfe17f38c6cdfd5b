"""Which settings nothing cheaper beats, and what each further millisecond buys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sim.scores.score import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingPoint:
    """A setting with its price and its worth.

    Attributes:
        label: What it is called where it is pointed at.
        group: What it has its colour from.
        tick_ms: The 99th percentile of a tick.
        score: With its interval.
    """

    label: str
    group: str
    tick_ms: float
    score: Score


def frontier(points: Sequence[WorkingPoint]) -> list[WorkingPoint]:
    """Return the points whose score nothing at most as slow reaches, the fastest first."""
    edge: list[WorkingPoint] = []
    for point in sorted(points, key=lambda point: (point.tick_ms, -point.score.value)):
        if not edge or point.score.value > edge[-1].score.value:
            edge.append(point)
    return edge


def bought(edge: Sequence[WorkingPoint]) -> list[str]:
    """Return, for every point of a frontier but the first, what a millisecond more than the one before it brings."""
    texts: list[str] = []
    for before, after in itertools.pairwise(edge):
        longer_ms = after.tick_ms - before.tick_ms
        gain = after.score.value - before.score.value
        what = f"{100 * gain:.0f} points" if after.score.is_rate else f"{gain:,.0f} of return"
        rate = 100 * gain / longer_ms if after.score.is_rate else gain / longer_ms
        unit = " points" if after.score.is_rate else ""
        shown = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
        texts.append(f"From {before.label} to {after.label}: {longer_ms:.2f} ms more buy {what}, {shown}{unit} per ms.")
    return texts
