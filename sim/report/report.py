"""The report from its sources to its file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sim import page
from sim.renderer import in_renderer
from sim.report.chapters import Chapter, chapter_html, in_short_html
from sim.report.choice import choose
from sim.report.film import Film, Scene, draw, scenes
from sim.report.repeating import repeating_html
from sim.report.suite_result import SuiteResult
from sim.report.task import Task, tasks_of
from sim.report.tuning import Tuning, tuning_html
from sim.suite.comparison import comparison_rows
from sim.suite.summary import by_cell, cell_row
from sim.whole_file import write_whole
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.errors import BundleError
from vgf_robot.results import finite

_NO_FILMS = "No films were asked for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What else than the episodes decides the page.

    Attributes:
        out: Where it is written.
        when: Of the writing.
        films: Whether the best and worst episodes are drawn.
        user_gl: What the user set MUJOCO_GL to.
    """

    out: Path
    when: datetime
    films: bool = True
    user_gl: str | None = None


def write_report(folders: Sequence[Path], tunings: Sequence[Path], wishes: Wishes) -> int:
    """Write one file about suites and tunings, whole or not at all.

    Args:
        folders: Of suites.
        tunings: Files that `tune --json` wrote.
        wishes: Where to, and with what.

    Returns:
        The number of episodes that it is about.

    Raises:
        ConfigError: A folder is no suite's, or a file no tuning.
        DatasetError: A file is damaged, or a suite has no episode.
        OSError: The file cannot be written.
    """
    results = [SuiteResult.open(folder) for folder in folders]
    tuned = [Tuning.open(path) for path in tunings]
    with tempfile.TemporaryDirectory() as films:
        chapters = [
            _chapter(result, task, Path(films) / f"{number}-{place}", wishes)
            for number, result in enumerate(results)
            for place, task in enumerate(tasks_of(result))
        ]
        text = _text(results, chapters, tuned, wishes)
    write_whole(wishes.out, text)
    return sum(len(result.rows) for result in results)


def rows_of(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the cells and comparisons of suites, under the keys that every verb uses."""
    rows: list[dict[str, Any]] = []
    for result in map(SuiteResult.open, folders):
        cells = by_cell(result.suite, result.rows)
        found = [cell_row(cell, episodes) for cell, episodes in cells.items()]
        found += comparison_rows(cells, result.suite.baseline)
        rows += [{"folder": str(result.folder), **finite(row)} for row in found]
    return rows


def _chapter(result: SuiteResult, task: Task, folder: Path, wishes: Wishes) -> Chapter:
    found = scenes(task, choose(task, task.clear).chosen.budget)
    manifest, films = _manifest(result, task), _films(result, task, found, folder, wishes)
    return Chapter(result=result, task=task, manifest=manifest, scenes=found, films=films)


def _manifest(result: SuiteResult, task: Task) -> Manifest | None:
    """Return what the evaluated bundle says of itself; None where it is gone, or another one by now."""
    place = next(each.bundle for each in result.suite.tasks if each.title == task.name)
    try:
        bundle = Bundle.load(place)
    except BundleError:
        return None
    evaluated = next(iter(task.episodes.values()))[0]["bundle_sha256"]
    return bundle.manifest if bundle.sha256 == evaluated else None


def _films(
    result: SuiteResult, task: Task, found: Sequence[Scene], folder: Path, wishes: Wishes
) -> Sequence[Film] | str:
    if not wishes.films:
        return _NO_FILMS
    if _manifest(result, task) is None:
        return "No films: the bundle that was evaluated is no longer at its place."
    folder.mkdir()
    return in_renderer(draw, result.suite, [scene.row for scene in found], folder, user_gl=wishes.user_gl)


def _text(
    results: Sequence[SuiteResult], chapters: Sequence[Chapter], tunings: Sequence[Tuning], wishes: Wishes
) -> str:
    parts = [in_short_html(chapters)] if chapters else []
    parts += [*map(chapter_html, chapters), *map(tuning_html, tunings)]
    count = sum(len(result.rows) for result in results)
    tuned = [str(tuning.settings["bundle_name"]) for tuning in tunings]  # its chapter has found it there
    names = ", ".join(dict.fromkeys([*(chapter.task.name for chapter in chapters), *tuned]))
    machines = dict.fromkeys(f"{r.made_on['cpu']}, {r.made_on['cores']} cores" for r in results if r.made_on)
    where = f" on {' and '.join(machines)}" if machines else ""
    lead = (
        f"Which budget to take, what it costs in time, and what breaks it first: {count:,} episodes in simulation"
        f"{where}. Written on {wishes.when:%Y-%m-%d}."
    )
    parts.append(repeating_html(results, [tuning.path for tuning in tunings], wishes.out))
    return page.page(f"What to expect on the robot: {names}", lead, parts)
