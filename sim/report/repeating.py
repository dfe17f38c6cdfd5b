"""What is needed to get the same numbers again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from sim import page
from sim.report.suite_result import SuiteResult
from sim.suite.run import EPISODES, RESOLVED


def repeating_html(results: Sequence[SuiteResult], tunings: Sequence[Path], out: Path) -> str:
    """Return the chapter with commands, seeds, hashes, versions and devices."""
    return page.section(
        "How to repeat it", *(part for result in results for part in _suite(result)), *_report(results, tunings, out)
    )


def _suite(result: SuiteResult) -> list[str]:
    suite, folder = result.suite, result.folder
    workers = f" --workers {suite.workers}" if suite.workers > 1 else ""
    command = f"vgf-robot eval {shlex.quote(f'{result.name}.yaml')} --out {shlex.quote(str(folder))}{workers}"
    facts = [f"{key} {value}" for key, value in {**result.made_on, **result.versions}.items()]
    return [
        page.heading(result.name),
        page.paragraph(
            f"Episode k of every cell has the same two seeds, for plant and controller, which follow from {suite.seed} "
            f"and k; they stand in every row of {folder / EPISODES}. Backend {suite.backend}, "
            f"{suite.threads} thread{'' if suite.threads == 1 else 's'}."
        ),
        page.code(command),
        page.notes(
            ["Made on: " + "; ".join(facts) if facts else "The machine is unknown: the suite has not come to its end."]
        ),
        page.notes([f"{name}: sha256 {value}" for name, value in result.sha256.items()]),
        page.details(f"{result.name}.yaml, with every default", (folder / RESOLVED).read_text(encoding="utf-8")),
    ]


def _report(results: Sequence[SuiteResult], tunings: Sequence[Path], out: Path) -> list[str]:
    words = ["vgf-robot", "report", *(str(result.folder) for result in results)]
    for tuning in tunings:
        words += ["--tune", str(tuning)]
    return [page.heading("This page"), page.code(shlex.join([*words, "--out", str(out)]))]
