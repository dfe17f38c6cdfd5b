"""What the page says: a chapter for every task, one for every tuning, and what is needed to repeat them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim import page
from sim.report import figures
from sim.report.answers import answers, fault_text, setting_text
from sim.report.caution import caution_figure, cautions
from sim.report.choice import choose
from sim.report.difference import LEAST_PAIRS
from sim.report.film import Film, Scene
from sim.report.frontier import WorkingPoint, bought, frontier
from sim.report.limits import limit_findings
from sim.report.severity_curve import SeverityCurve, severity_curves, worst_first
from sim.report.severity_figures import breaking_figure, severity_figure
from sim.report.suite_result import SuiteResult
from sim.report.tables import budget_table, fault_table, time_table
from sim.report.task import Task
from sim.report.timing import TickTime
from sim.suite.suite import CLEAR
from vgf_robot.bundle import Manifest

_CLOCKS = {
    "lock-step": "The plant waits for the controller, so that speed plays no part.",
    "real-time": "The wall clock of the machine: an action every control period, or a miss.",
    "charged": "Latency passes in the simulation: an action takes effect when it has been computed, and not before.",
}

_INTERVALS = (
    "Brackets are 95 % intervals: Wilson's for success rates, bootstrap over episodes for everything else. What is "
    "called better or worse is so on pairs of the same seed, by its interval and by the sign test (p < 0.05)."
)
_TIMES = (
    "Ticks: medians over episodes of p50 and p99. Displacement (rms, in normalised action units) and value (of the "
    "critic) are those of the chosen particles."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What is told of one task.

    Attributes:
        result: Of the suite.
        task: One of its.
        manifest: Its bundle's; None where the bundle is not there any more.
        scenes: Worth to be seen.
        films: Of the scenes, or why there are none.
    """

    result: SuiteResult
    task: Task
    manifest: Manifest | None
    scenes: Sequence[Scene]
    films: Sequence[Film] | str

    @property
    def title(self) -> str:
        """Task and suite."""
        return f"{self.task.name}: {self.result.name}"


def in_short_html(chapters: Sequence[Chapter]) -> str:
    """Return what all chapters come to, for the top of the page: what to take, whether transport pays, what breaks."""
    parts: list[str] = []
    for chapter in chapters:
        point = None if chapter.manifest is None else chapter.manifest.operating_point
        still = point is not None and point.sealed and point.max_steps == 0
        parts += [page.heading(chapter.title)] if len(chapters) > 1 else []
        parts += [page.paragraph(text, "mark") for text in _warnings(chapter.result)]
        parts.append(page.sentences(answers(chapter.task, chapter.result.suite.scenarios, sealed_still=still)))
    return page.section("In short", *parts, page.notes([_INTERVALS]))


def chapter_html(chapter: Chapter) -> str:
    """Return a task's chapter."""
    task, suite = chapter.task, chapter.result.suite
    colours = page.colours_of(task.budgets)
    parts = [
        page.paragraph(_lead(chapter)),
        *_budgets(task, colours),
        *_faults(task, colours, {scenario.name: fault_text(scenario) for scenario in suite.scenarios}),
        *_caution(task),
        *_films(chapter),
    ]
    if suite.limits:
        parts += [
            page.heading("Limits"),
            page.findings(limit_findings(suite, task, complete=not chapter.result.num_missing)),
        ]
    return page.section(chapter.title, *parts)


def _lead(chapter: Chapter) -> str:
    task, suite, manifest = chapter.task, chapter.result.suite, chapter.manifest
    first = next(iter(task.episodes.values()))[0]
    rate = "" if manifest is None else f" at {1 / manifest.control_period_s:g} Hz"
    profile = ""
    if suite.clock == "charged":
        source = "as measured in this run" if suite.profile is None else f"as in {suite.profile}"
        profile = f" Times of the stages are {source}{'' if suite.slow_down == 1 else f', times {suite.slow_down:g}'}."
    count = sum(len(episodes) for episodes in task.episodes.values())
    return (
        f"{first['environment']}{rate}: {count} episodes, {suite.episodes} for every budget and fault, all on the same "
        f"seeds (from {suite.seed}). {_CLOCKS[suite.clock]}{profile}"
    )


def _warnings(result: SuiteResult) -> list[str]:
    found: list[str] = []
    if result.num_missing:
        found.append(
            f"{result.num_missing} of {result.num_missing + len(result.rows)} episodes have not been run; run the "
            "suite again, and it goes on where it ended."
        )
    if result.suite.episodes < LEAST_PAIRS:
        found.append(
            f"With fewer than {LEAST_PAIRS} episodes of each kind the sign test tells nothing apart, and the cheapest "
            "budget is named for want of evidence; run more."
        )
    return found


def _budgets(task: Task, colours: Mapping[str, str]) -> list[str]:
    cells = task.clear
    where = "without faults" if cells[0].scenario == CLEAR else f"under {cells[0].scenario} at {cells[0].severity:g}"
    points = [
        WorkingPoint(
            label=f"{cell.budget} ({setting_text(task.rows[cell])})",
            group=cell.budget,
            tick_ms=time.p99,
            score=task.score(cell),
        )
        for cell in cells
        if (time := TickTime.of(task.episodes[cell])) is not None
    ]
    what = "Success" if task.is_rate else "Return"
    parts = [
        page.plot(f"{what} against budget, {where}", figures.score_figure(task, cells, colours)),
        page.table(*budget_table(task, cells)),
    ]
    if points:
        parts.append(page.plot(f"{what} against latency", figures.frontier_figure(points, colours, task.is_rate)))
        parts.append(page.notes(bought(frontier(points)) or ["No budget that takes longer scores more."]))
    parts.append(page.table(*time_table(task, cells)))
    parts.append(page.notes([_TIMES]))
    if task.has_deadline:
        parts.append(page.plot("Periods missed, and the floor", figures.miss_figure(task, cells, colours)))
        parts.append(page.plot("Latency against the deadline", figures.latency_figure(task, cells, colours)))
        parts.append(page.notes(["Dot: p50. Diamond: p99. Short line: the longest. Red: the deadline."]))
    return parts


def _faults(task: Task, colours: Mapping[str, str], described: Mapping[str, str]) -> list[str]:
    by_budget = {budget: severity_curves(task, budget) for budget in task.budgets}
    curves = [curve for found in by_budget.values() for curve in found]
    if not curves:
        return []
    chosen = choose(task, task.clear).chosen.budget
    ranked = worst_first(by_budget[chosen])
    top = max(point.score.high or point.score.value for curve in curves for point in curve.points)
    plots = [
        page.plot(curve.scenario, severity_figure(_of(curves, curve.scenario), colours, top))
        + page.notes([f"at severity 1, {described.get(curve.scenario, '')}"])
        for curve in ranked
    ]
    order = [curve.scenario for curve in ranked]
    rows = sorted(curves, key=lambda curve: order.index(curve.scenario) if curve.scenario in order else len(order))
    return [
        page.plot(f"What breaks {chosen} first", breaking_figure(ranked, colours[chosen])),
        page.notes(
            ["Dotted: without faults. Red: half of that is lost here or earlier; the first to take it is on top."]
        ),
        page.heading("Severity"),
        page.legend(colours),
        page.grid(plots),
        page.heading("Every fault against none, on the same seeds"),
        page.table(*fault_table(task, rows)),
    ]


def _of(curves: Sequence[SeverityCurve], scenario: str) -> list[SeverityCurve]:
    return [curve for curve in curves if curve.scenario == scenario]


def _caution(task: Task) -> list[str]:
    parts: list[str] = []
    for cells in cautions(task):
        parts.append(page.plot("Caution: what a bolder budget costs", caution_figure(task, cells)))
        parts.append(page.notes([f"Budgets that differ in max_distance alone: {', '.join(c.budget for c in cells)}."]))
    return parts


def _films(chapter: Chapter) -> list[str]:
    if isinstance(chapter.films, str):
        return [page.heading("Films"), page.paragraph(chapter.films, "mark")]
    films = [
        page.film(film.path, _caption(scene, film), autoplay=False)
        for scene, film in zip(chapter.scenes, chapter.films, strict=True)
    ]
    return [page.heading("Films"), page.grid(films)] if films else []


def _caption(scene: Scene, film: Film) -> str:
    row, again = scene.row, film.row
    speed = "at its real speed" if film.speed == 1 else f"{film.speed:.2g} times as fast"
    text = f"{scene.title}: episode {row['episode']} of \u201c{row['budget']}\u201d, plant seed {row['plant_seed']}, "
    text += _outcome(row)
    if (again["success"], again["return"]) != (row["success"], row["return"]):
        text += f"; run again for this film, {_outcome(again)}"
    return f"{text}; {speed}, {film.frames_per_s:.3g} pictures per second."


def _outcome(row: Mapping[str, object]) -> str:
    solved = {True: "solved, ", False: "not solved, ", None: ""}[row["success"]]  # pyright: ignore[reportArgumentType]
    return f"{solved}return {row['return']:,.4g} in {row['num_periods']} periods"
