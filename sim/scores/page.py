"""The page of results: tasks and methods, then every evaluation, then steps against step sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.scores.curve import curves
from sim.scores.document import Document, Table
from sim.scores.policy import UNKNOWN, Evaluated, Row
from sim.scores.score import Score, over_trainings
from vgf_robot.bundle import best_row
from vgf_robot.errors import BundleError

NOT_RUN = "not run"
FAIR, GUESS, FLATTERED = "", "\u2021", "\u2020"  # from the best-founded to the least
_LEAD = (
    "Scores are success rates where the task knows success, else mean returns; in brackets 95 % intervals: over "
    "episodes for one training, over trainings (Student's t) for several."
)
_LEGEND = {
    FLATTERED: "the best of a sweep, or a setting chosen on these very episodes: flattered, and no fair comparison.",
    GUESS: "the exporter's first guess: no evaluation sealed this setting.",
}
_UNKNOWN = (
    "The method is unknown where the evaluated bundle no longer lies at its place; name the bundle beside its "
    "evaluation."
)


def results_document(evaluations: Sequence[Evaluated]) -> Document:
    """Return the page of these evaluations, in an order that does not depend on theirs."""
    ordered = sorted(evaluations, key=_order)
    tables = [_overview(ordered), _details(ordered), *curves(ordered)]
    return Document(title="Results", lead=_LEAD, tables=tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What an evaluation stands for: one setting, its score, and how well founded that is."""

    row: Row
    score: Score
    mark: str

    def __str__(self) -> str:
        """Show the score with its mark."""
        return f"{self.score}{self.mark}"


def headline(evaluated: Evaluated) -> Headline | None:
    """Return the score that an evaluation stands for, or None where it has none.

    That of the sealed setting; of a sweep the row that was chosen, else the one that sealing would take.
    """
    row, mark = evaluated.row("tuned"), FAIR if evaluated.sealed else GUESS
    if not evaluated.sealed and (row is None or evaluated.row("sweep") is not None):
        row, mark = _best(evaluated.rows), FLATTERED
    score = None if row is None else Score.of(row)
    if row is None or score is None:
        return None
    return Headline(row=row, score=score, mark=FLATTERED if evaluated.flattered else mark)


def _best(rows: Sequence[Row]) -> Row | None:
    chosen = next((row for row in rows if row.get("chosen")), None)
    try:
        return chosen or best_row(rows)
    except BundleError:  # none, or rows that no rule can compare
        return None


def _order(evaluated: Evaluated) -> tuple[str, str, int, int, str, int]:
    policy = evaluated.policy
    sha, seed = evaluated.bundle_sha256 or "", evaluated.seed or 0
    return policy.task, policy.method, policy.seed or 0, policy.updates or 0, sha, seed


def _overview(evaluations: Sequence[Evaluated]) -> Table:
    cells: dict[tuple[str, str], list[Evaluated]] = {}
    for evaluated in evaluations:
        cells.setdefault((evaluated.policy.task, evaluated.policy.method), []).append(evaluated)
    tasks, methods = (list(dict.fromkeys(sorted(names))) for names in zip(*cells, strict=True))
    rows = [[task, *(_cell(cells.get((task, method), [])) for method in methods)] for task in tasks]
    text = "".join(cell for row in rows for cell in row[1:])
    notes = [f"{mark} {meaning}" for mark, meaning in _LEGEND.items() if mark in text]
    notes += [_UNKNOWN] if UNKNOWN in methods else []
    notes += [note for (task, method), own in cells.items() for note in _repeated(f"{task}, {method}", own)]
    return Table(title="Tasks and methods", columns=["task", *methods], rows=rows, notes=notes)


def _cell(evaluations: Sequence[Evaluated]) -> str:
    """Return the score of a method on a task: of every training the first of its best-founded ones."""
    if not evaluations:
        return NOT_RUN
    best = [_best_founded(found)[0] for found in _by_training(evaluations).values()]
    if not best:
        return "trained, not evaluated"
    marks = "".join(sorted({found.mark for found in best}))
    count = "" if len(best) == 1 else f", {len(best)} trainings"
    return f"{over_trainings([found.score for found in best])}{marks}{count}"


def _by_training(evaluations: Sequence[Evaluated]) -> dict[int | None, list[Headline]]:
    trainings: dict[int | None, list[Headline]] = {}
    for evaluated in evaluations:
        if (found := headline(evaluated)) is not None:
            trainings.setdefault(evaluated.policy.seed, []).append(found)
    return trainings


def _best_founded(found: Sequence[Headline]) -> list[Headline]:
    mark = next(mark for mark in (FAIR, GUESS, FLATTERED) if any(each.mark == mark for each in found))
    return [each for each in found if each.mark == mark]


def _repeated(where: str, evaluations: Sequence[Evaluated]) -> list[str]:
    """Say where a training has several scores that are equally well founded."""
    counts = {seed: len(_best_founded(found)) for seed, found in _by_training(evaluations).items()}
    return [
        f"{where}, training seed {'unknown' if seed is None else seed}: of {count} scores the first one below counts."
        for seed, count in counts.items()
        if count > 1
    ]


def _details(evaluations: Sequence[Evaluated]) -> Table:
    columns = ("task", "method", "training seed", "critic updates", "episodes", "seed", "reference", "best-of-N")
    rows = [_detail(evaluated) for evaluated in evaluations]
    broken = [f"{e.source} was interrupted: rows are missing." for e in evaluations if e.interrupted]
    return Table(title="Evaluations", columns=[*columns, "setting", "its score"], rows=rows, notes=broken)


def _detail(evaluated: Evaluated) -> list[str]:
    policy, found = evaluated.policy, headline(evaluated)
    facts = (policy.seed, policy.updates, evaluated.episodes, evaluated.seed)
    return [
        policy.task,
        policy.method,
        *("-" if fact is None else f"{fact:,}" for fact in facts),
        _mode(evaluated.row("reference")),
        _mode(evaluated.row("best-of-n")),
        NOT_RUN if found is None else _setting(found.row),
        NOT_RUN if found is None else str(found),
    ]


def _mode(row: Row | None) -> str:
    return NOT_RUN if row is None else str(Score.of(row) or NOT_RUN)


def _setting(row: Row) -> str:
    size = row.get("step_size")
    steps = f"{row.get('max_steps')} steps" + ("" if size is None else f" of {size:g}")
    return f"N {row.get('num_particles')}, {steps}"
