"""What a suite cannot ask for together, found before anything is run or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sim.evaluation.plan import Plan, require_consistent
from sim.faults import NO_FAULTS
from sim.suite.cells import Cell, cells_of
from sim.suite.suite import CLEAR, Limit, Suite
from vgf_robot.errors import ConfigError, suggestion

QUANTITIES = ("min_success", "min_return", "max_miss_rate", "max_drop")
_SCOPE = ("task", "scenario", "severity", "budget")


def require_consistent_suite(suite: Suite) -> None:
    """Refuse names that are given twice or not at all, clocks that workers disturb, and limits that contradict.

    Raises:
        ConfigError: The first of these.
    """
    _require_unique("tasks", [task.title for task in suite.tasks])
    _require_unique("scenarios", [CLEAR, *(scenario.name for scenario in suite.scenarios)])
    _require_unique("budgets", [budget.name for budget in suite.budgets])
    for scenario in suite.scenarios:
        if scenario.faults == NO_FAULTS:
            raise ConfigError(f"Scenario '{scenario.name}' has no fault; give one, or leave the scenario out.")
    require_consistent(Plan(clock=suite.clock, profile=suite.profile, slow_down=suite.slow_down, workers=suite.workers))
    if suite.data is not None and suite.clock == "real-time":
        raise ConfigError("Looking actions up in a dataset takes time; take the clock lock-step or charged.")
    budgets = [budget.name for budget in suite.budgets]
    if suite.baseline is not None and suite.baseline not in budgets:
        raise ConfigError(f"baseline: '{suite.baseline}' is no budget; {suggestion(suite.baseline, budgets)}")
    cells, seen = cells_of(suite), dict[tuple[object, ...], float]()
    for number, limit in enumerate(suite.limits, 1):
        _require_meaning(number, limit, cells)
        _require_no_contradiction(number, limit, seen)


def require_success_known(suite: Suite, knows_success: Mapping[str, bool]) -> None:
    """Refuse limits on success where a task has none.

    Args:
        suite: With the limits.
        knows_success: Whether each task's plant says when it is solved.

    Raises:
        ConfigError: The first such limit.
    """
    for number, limit in enumerate(suite.limits, 1):
        asks = limit.min_success is not None or limit.max_drop is not None
        for task, known in knows_success.items():
            if asks and not known and limit.task in (None, task):
                raise ConfigError(f"Limit {number}: '{task}' gives returns and no success; name a task, or min_return.")


def judged(limit: Limit, cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells that a limit is about; a drop is none where there is no fault."""
    chosen = [cell for cell in cells if all(getattr(limit, key) in (None, getattr(cell, key)) for key in _SCOPE)]
    return [cell for cell in chosen if cell.severity > 0] if _only_drop(limit) else chosen


def _only_drop(limit: Limit) -> bool:
    return [name for name in QUANTITIES if getattr(limit, name) is not None] == ["max_drop"]


def _require_unique(what: str, names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{what}: expected different names, found '{name}' more than once; rename one.")


def _require_meaning(number: int, limit: Limit, cells: list[Cell]) -> None:
    asked = [name for name in QUANTITIES if getattr(limit, name) is not None]
    if not asked:
        raise ConfigError(f"Limit {number} asks for nothing; give one of {', '.join(QUANTITIES)}.")
    for key in _SCOPE:
        given, known = getattr(limit, key), list(dict.fromkeys(getattr(cell, key) for cell in cells))
        if given is not None and given not in known:
            hint = suggestion(str(given), [str(each) for each in known])
            raise ConfigError(f"Limit {number}: no episode has {key} '{given}'; {hint}")
    if not judged(limit, cells):
        raise ConfigError(f"Limit {number} is about no cell: its names never come together; change one of them.")
    if limit.max_drop is not None and not any(cell.severity == 0 for cell in cells):
        raise ConfigError(f"Limit {number}: a drop is counted from severity 0; add 0 to the severities.")


def _require_no_contradiction(number: int, limit: Limit, seen: dict[tuple[object, ...], float]) -> None:
    for name in QUANTITIES:
        value, scope = getattr(limit, name), (name, *(getattr(limit, key) for key in _SCOPE))
        if value is not None and seen.setdefault(scope, value) != value:
            raise ConfigError(
                f"Limit {number}: {name} {value:g} contradicts {seen[scope]:g} for the same episodes; leave one out."
            )
