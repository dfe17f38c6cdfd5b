"""The limits that the user set, as findings."""

from __future__ import annotations

from sim.page import Finding
from sim.report.task import Task
from sim.suite.consistency import QUANTITIES
from sim.suite.judgement import complaints_of
from sim.suite.suite import Limit, Suite

_SCOPE = ("scenario", "severity", "budget")
_WORDS = {
    "min_success": "success rate at least",
    "min_return": "mean return at least",
    "max_miss_rate": "miss rate at most",
    "max_drop": "drop of the success rate at most",
}


def limit_findings(suite: Suite, task: Task, *, complete: bool) -> list[Finding]:
    """Return whether a task keeps each limit that is about it.

    Args:
        suite: With the limits.
        task: One of its.
        complete: Whether all episodes have been run; without some, no limit is judged.
    """
    found: list[Finding] = []
    for number, limit in enumerate(suite.limits, 1):
        if limit.task in (None, task.name):
            complaints = complaints_of(number, limit, task.rows) if complete else []
            text = " ".join([f"{_text(number, limit)}.", *complaints[:1]])
            found.append(Finding(text=text, met=not complaints if complete else None))
    return found


def _text(number: int, limit: Limit) -> str:
    scope = [f"{key} {getattr(limit, key)}" for key in _SCOPE if getattr(limit, key) is not None]
    asked = [f"{_WORDS[name]} {getattr(limit, name):g}" for name in QUANTITIES if getattr(limit, name) is not None]
    return f"Limit {number}, {', '.join(scope) or 'everywhere'}: {', '.join(asked)}"
