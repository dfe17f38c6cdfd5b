"""One task of a suite: its cells, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.report.difference import Difference
from sim.report.suite_result import SuiteResult
from sim.scores.score import Score
from sim.suite.cells import Cell
from sim.suite.episode_row import Row
from sim.suite.suite import CLEAR
from sim.suite.summary import by_cell, cell_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A bundle in a plant.

    Attributes:
        name: As the suite has it.
        episodes: Of every cell that has any, in the suite's order.
        rows: The same cells as `eval` sums them up.
    """

    name: str
    episodes: Mapping[Cell, Sequence[Row]]
    rows: Mapping[Cell, Mapping[str, Any]]

    @property
    def budgets(self) -> list[str]:
        """Their names, in the suite's order."""
        return list(dict.fromkeys(cell.budget for cell in self.rows))

    @property
    def conditions(self) -> list[tuple[str, float]]:
        """Scenario and severity of all cells, without the clear one."""
        found = dict.fromkeys((cell.scenario, cell.severity) for cell in self.rows)
        return [condition for condition in found if condition[0] != CLEAR]

    @property
    def clear(self) -> list[Cell]:
        """The cells without a fault; where there is none, those of the first scenario at its lowest severity."""
        found = [cell for cell in self.rows if cell.scenario == CLEAR]
        return found or [cell for cell in self.rows if (cell.scenario, cell.severity) == self.conditions[0]]

    @property
    def has_deadline(self) -> bool:
        """Whether an action could come too late."""
        return any(row["deadline_ms"] is not None for row in self.rows.values())

    @property
    def is_rate(self) -> bool:
        """Whether the task is judged by success, and not by its return."""
        return next(iter(self.rows.values()))["success_rate"] is not None

    def score(self, cell: Cell) -> Score:
        """Return success rate or mean return of a cell."""
        score = Score.of(self.rows[cell])
        assert score is not None  # every cell has a return
        return score

    def difference(self, cell: Cell, other: Cell) -> Difference:
        """Return what a cell's episodes have more than those of another one with the same seeds."""
        return Difference.between(self.episodes[cell], self.episodes[other])


def tasks_of(result: SuiteResult) -> list[Task]:
    """Return the tasks of a suite that have episodes, in its order."""
    cells = by_cell(result.suite, result.rows)
    found: dict[str, dict[Cell, Sequence[Row]]] = {}
    for cell, episodes in cells.items():
        found.setdefault(cell.task, {})[cell] = episodes
    return [
        Task(name=name, episodes=own, rows={cell: cell_row(cell, rows) for cell, rows in own.items()})
        for name, own in found.items()
    ]
