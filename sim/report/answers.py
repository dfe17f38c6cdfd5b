"""What a task's episodes say, in sentences: which budget, whether transport pays, what breaks it first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sim.report.choice import Choice, choose
from sim.report.difference import Difference
from sim.report.severity_curve import SeverityCurve, severity_curves, worst_first
from sim.report.task import Task
from sim.report.timing import floor_of
from sim.suite.cells import Cell
from sim.suite.suite import Scenario

_NAMED = 6  # conditions that a sentence lists before it says how many others there are


def answers(task: Task, scenarios: Sequence[Scenario], *, sealed_still: bool) -> list[str]:
    """Return sentences, each with its subject before a colon.

    Args:
        task: Of which they are.
        scenarios: Of the suite.
        sealed_still: Whether the bundle was sealed without a step.
    """
    found: list[str] = []
    for deadline_ms, cells in by_deadline(task):
        choice = choose(task, cells)
        found.append(_take(task, choice, deadline_ms))
        found.append(_transport(task, choice, deadline_ms, sealed_still=sealed_still))
    chosen = choose(task, task.clear).chosen
    curves = worst_first(severity_curves(task, chosen.budget))
    if curves:
        found.append(_breaking(task, curves, {scenario.name: scenario for scenario in scenarios}))
    return found + (_under_faults(task) or _others_under_faults(task, chosen))


def by_deadline(task: Task) -> list[tuple[float | None, list[Cell]]]:
    """Return the cells without faults by their deadlines, the shortest first."""
    groups: dict[float | None, list[Cell]] = {}
    for cell in task.clear:
        groups.setdefault(task.rows[cell]["deadline_ms"], []).append(cell)
    return sorted(groups.items(), key=lambda item: item[0] or 0.0)


def setting_text(row: Mapping[str, Any]) -> str:
    """Return what a budget is, such as `10 particles, up to 4 steps of 0.3`."""
    count = row["num_particles"]
    particles = "one particle" if count == 1 else f"{count} particles"
    if row["max_steps"] == 0:
        return f"{particles}, no step"
    steps = "step" if row["max_steps"] == 1 else "steps"
    limit = "" if row["max_distance"] is None else f", no further than {row['max_distance']:g}"
    return f"{particles}, up to {row['max_steps']} {steps} of {row['step_size']:g}{limit}"


def fault_text(scenario: Scenario) -> str:
    """Return the faults of a scenario at severity 1, such as `action_delay: delay_s 0.016`, without their defaults."""
    faults = [(name, getattr(scenario.faults, name)) for name in scenario.faults.__struct_fields__]
    return "; ".join(f"{name}: {_settings(fault)}" for name, fault in faults if fault is not None)


def _settings(fault: msgspec.Struct) -> str:
    given = [(field, getattr(fault, field.name)) for field in msgspec.structs.fields(fault)]
    return ", ".join(f"{field.name} {_plain(value)}" for field, value in given if value != field.default)


def _take(task: Task, choice: Choice, deadline_ms: float | None) -> str:
    cell, row = choice.chosen, task.rows[choice.chosen]
    subject = "Take" if deadline_ms is None else f"With {deadline_ms:.3g} ms for the policy"
    verb = "take " if deadline_ms is not None else ""
    what = "solves" if task.is_rate else "returns"
    text = f"{subject}: {verb}{_quoted(cell)} ({setting_text(row)}). It {what} {task.score(cell)} in {_episodes(row)}"
    if deadline_ms is not None:
        floor = floor_of(task, cell)
        least = "" if floor is None or row["max_steps"] == 0 else f"; without any step {100 * floor:.2g} % are missed"
        taken = f", takes {row['mean_steps']:.2g} steps on average" if row["max_steps"] else ""
        text += f"{taken} and misses {100 * row['miss_rate']:.2g} % of the periods{least}"
    text += "."
    if choice.chosen != choice.best:
        highest = f"{task.score(choice.best)} of {_quoted(choice.best)}"
        text += f" The highest score, {highest}, costs more and is not clearly higher."
    return text


def _transport(task: Task, choice: Choice, deadline_ms: float | None, *, sealed_still: bool) -> str:
    subject = "Transport" if deadline_ms is None else f"Transport within {deadline_ms:.3g} ms"
    if choice.still is None:
        return f"{subject}: every budget takes steps, so nothing here says whether they pay; add one with max_steps 0."
    without = _without(task, choice.still)
    if choice.moving is None or choice.transport is None:
        without = _without(task, choice.chosen)
        why = "no budget here takes a step"
        if sealed_still:
            why = "the bundle is sealed at no step, as its evaluation found that moving the particles does not pay"
        return f"{subject}: {why}; {without}, {_quoted(choice.chosen)}, is the choice."
    found = f"{_quoted(choice.moving)} against {_quoted(choice.still)}: {choice.transport}, {choice.transport.chance}"
    if choice.transport.sign > 0:
        return f"{subject}: pays. {found}."
    if choice.transport.sign < 0:
        return f"{subject}: costs; {without} is the better choice. {found}."
    return (
        f"{subject}: makes no difference that {choice.transport.num_pairs} pairs of episodes show, so {without} is the "
        f"better choice: it is cheaper. {found}."
    )


def _quoted(cell: Cell) -> str:
    return f"\u201c{cell.budget}\u201d"


def _without(task: Task, still: Cell) -> str:
    count = task.rows[still]["num_particles"]
    return f"best of {count} without transport" if count > 1 else "the reference alone, without transport"


def _breaking(task: Task, curves: Sequence[SeverityCurve], scenarios: Mapping[str, Scenario]) -> str:
    first, budget = curves[0], curves[0].budget
    subject = f"What breaks \u201c{budget}\u201d first"
    halved = [(curve.scenario, half) for curve in curves if (half := curve.half_severity) is not None]
    if first.kept is None:
        return f"{subject}: without faults there is no score above 0 that could be lost."
    if not halved:
        left = f"the worst is {first.scenario}, which leaves {first.last.score} of {first.points[0].score}"
        return f"{subject}: nothing here takes half of its score; {left} at severity {first.last.severity:g}."
    name, severity = halved[0]
    described = f" ({fault_text(scenarios[name])} at severity 1)" if name in scenarios else ""
    text = f"{subject}: {name}{described} takes half of the score at a severity of about {severity:.2g}"
    if len(halved) > 1:
        text += "; then " + _listed([f"{name} at {severity:.2g}" for name, severity in halved[1:]])
    kept = len(curves) - len(halved)
    others = {0: "", 1: " One other does not clearly take half, even at its full size."}
    return f"{text}.{others.get(kept, f' {kept} others do not clearly take half, even at their full size.')}"


def _under_faults(task: Task) -> list[str]:
    """Return for which faults transport pays, and for which best of N or the reference alone is better."""
    told: dict[int, list[str]] = {1: [], -1: [], 0: []}
    for scenario, severity in task.conditions:
        cells = [cell for cell in task.rows if (cell.scenario, cell.severity) == (scenario, severity)]
        found = choose(task, cells).transport
        if found is not None:
            told[found.sign].append(_condition(scenario, severity, found))
    texts = [
        (-1, "No transport is the better choice under"),
        (1, "Transport still pays under"),
        (0, "Not told apart, so that no transport is the choice for its price, under"),
    ]
    return [f"{subject}: {_listed(told[sign])}." for sign, subject in texts if told[sign]]


def _others_under_faults(task: Task, chosen: Cell) -> list[str]:
    """Return under which faults another budget clearly beats the one to take, where transport is not the question."""
    better: list[str] = []
    for scenario, severity in task.conditions:
        cells = [cell for cell in task.rows if (cell.scenario, cell.severity) == (scenario, severity)]
        here = chosen._replace(scenario=scenario, severity=severity)
        best = choose(task, cells).best
        if here in task.rows and (found := task.difference(best, here)).sign > 0:
            better.append(f"{_quoted(best)} under {_condition(scenario, severity, found)}")
    return [f"Better than {_quoted(chosen)} under faults: {_listed(better)}."] if better else []


def _condition(scenario: str, severity: float, found: Difference) -> str:
    return f"{scenario} at {severity:g}" if found.sign == 0 else f"{scenario} at {severity:g}, {found}"


def _listed(texts: Sequence[str]) -> str:
    shown = "; ".join(texts[:_NAMED])
    return shown if len(texts) <= _NAMED else f"{shown}; and {len(texts) - _NAMED} more in the table"


def _episodes(row: Mapping[str, Any]) -> str:
    return "1 episode" if row["episodes"] == 1 else f"{row['episodes']} episodes"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
