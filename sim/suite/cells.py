"""The cells of a suite: what is run with the same settings, episode after episode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sim.suite.suite import CLEAR, Suite


class Cell(NamedTuple):
    """One task under one scenario at one severity with one budget, by their names."""

    task: str
    scenario: str
    severity: float
    budget: str


class Key(NamedTuple):
    """One episode of a suite."""

    cell: Cell
    episode: int


def cells_of(suite: Suite) -> list[Cell]:
    """Return every cell, in the order of the suite's file."""
    conditions = list(dict.fromkeys(_conditions(suite)))
    return [
        Cell(task.title, *condition, budget.name)
        for task in suite.tasks
        for condition in conditions
        for budget in suite.budgets
    ]


def keys_of(suite: Suite) -> list[Key]:
    """Return every episode in the order in which they are begun: task by task, in which all cells grow together."""
    cells = cells_of(suite)
    return [
        Key(cell, episode)
        for task in suite.tasks
        for episode in range(suite.episodes)
        for cell in cells
        if cell.task == task.title
    ]


def _conditions(suite: Suite) -> Iterator[tuple[str, float]]:
    if not suite.scenarios or 0.0 in suite.severities:
        yield CLEAR, 0.0
    for scenario in suite.scenarios:
        for severity in suite.severities:
            if severity > 0:
                yield scenario.name, severity
