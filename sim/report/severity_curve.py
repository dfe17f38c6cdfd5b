"""How a budget's score falls as a fault grows, and which fault takes half of it first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.report.difference import Difference
from sim.report.task import Task
from sim.scores.score import Score
from sim.suite.cells import Cell

_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A score at one severity.

    Attributes:
        severity: 0 without the fault.
        cell: Whose score it is.
        score: With its interval.
        difference: Against no fault, on the same seeds; None at severity 0.
    """

    severity: float
    cell: Cell
    score: Score
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityCurve:
    """The scores of one budget under one scenario, from no fault on.

    Attributes:
        scenario: Its name.
        budget: Its name.
        points: At rising severities, the first of which is 0.
    """

    scenario: str
    budget: str
    points: Sequence[Point]

    @property
    def half_severity(self) -> float | None:
        """Where half of the score without the fault is lost, by straight lines between the points.

        None where it never is, where the loss can be chance, or where the score without the fault is not above 0.
        """
        half = _HALF * self.points[0].score.value
        for before, after in itertools.pairwise(self.points):
            lost = after.difference is not None and after.difference.sign < 0
            if half > 0 and after.score.value <= half and lost:
                fall = before.score.value - after.score.value
                share = (before.score.value - half) / fall if fall > 0 else 0.0
                return before.severity + min(max(share, 0.0), 1.0) * (after.severity - before.severity)
        return None

    @property
    def last(self) -> Point:
        """The point of the highest severity."""
        return self.points[-1]

    @property
    def kept(self) -> float | None:
        """The share of the score that is left at the highest severity; None where there was none to lose."""
        clear = self.points[0].score.value
        return self.last.score.value / clear if clear > 0 else None


def severity_curves(task: Task, budget: str) -> list[SeverityCurve]:
    """Return a curve for every scenario; none where the clear plant was not run."""
    clear = next((cell for cell in task.clear if cell.budget == budget and cell.severity == 0), None)
    if clear is None:
        return []
    start = Point(severity=0.0, cell=clear, score=task.score(clear), difference=None)
    curves: list[SeverityCurve] = []
    for scenario in dict.fromkeys(scenario for scenario, _ in task.conditions):
        cells = [cell for cell in task.rows if cell.scenario == scenario and cell.budget == budget]
        points = [
            Point(severity=c.severity, cell=c, score=task.score(c), difference=task.difference(c, clear)) for c in cells
        ]
        if points:
            ordered = sorted(points, key=lambda point: point.severity)
            curves.append(SeverityCurve(scenario=scenario, budget=budget, points=[start, *ordered]))
    return curves


def worst_first(curves: Sequence[SeverityCurve]) -> list[SeverityCurve]:
    """Return curves by the severity that takes half of the score; those that keep more, by what is left in the end."""

    def order(curve: SeverityCurve) -> tuple[float, float]:
        half = curve.half_severity
        return math.inf if half is None else half, curve.last.score.value

    return sorted(curves, key=order)
