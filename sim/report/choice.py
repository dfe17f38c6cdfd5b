"""Which budget to take, and whether transport is worth its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.report.difference import Difference
from sim.report.task import Task
from sim.suite.cells import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The budget to take among cells that differ in nothing else.

    Attributes:
        chosen: The cheapest of those that the best one does not clearly beat.
        best: The one of the highest score.
        level: Those that cannot be told apart from the best, itself included.
        transport: What the best budget with steps has more than the best without; None where one of them is missing.
        moving: The best budget with steps.
        still: The best budget without.
    """

    chosen: Cell
    best: Cell
    level: Sequence[Cell]
    transport: Difference | None
    moving: Cell | None
    still: Cell | None


def choose(task: Task, cells: Sequence[Cell]) -> Choice:
    """Return the budget to take.

    Pairs of the same seeds decide what is clearly beaten: interval and sign test of the difference. Few steps are
    cheaper than many, and after that few particles.

    Args:
        task: Whose cells they are.
        cells: At least one.
    """
    best = _best(task, cells)
    level = [cell for cell in cells if cell == best or task.difference(cell, best).sign == 0]
    chosen = min(level, key=lambda cell: (*_cost(task, cell), -task.score(cell).value))
    moving = [cell for cell in cells if task.rows[cell]["max_steps"] > 0]
    still = [cell for cell in cells if task.rows[cell]["max_steps"] == 0]
    best_moving, best_still = (_best(task, group) if group else None for group in (moving, still))
    transport = None if best_moving is None or best_still is None else task.difference(best_moving, best_still)
    return Choice(
        chosen=chosen,
        best=best,
        level=level,
        transport=transport,
        moving=best_moving,
        still=best_still,
    )


def _best(task: Task, cells: Sequence[Cell]) -> Cell:
    """Return the cell of the highest score; of equal ones the cheapest."""
    return min(cells, key=lambda cell: (-task.score(cell).value, *_cost(task, cell)))


def _cost(task: Task, cell: Cell) -> tuple[float, int]:
    row = task.rows[cell]
    return row["mean_steps"], row["num_particles"]
