"""The page of results: tasks and methods, what to deploy, every evaluation, steps against step sizes."""

from __future__ import annotations

from collections.abc import Sequence

from sim.scores.curve import curves
from sim.scores.deployment import deployment
from sim.scores.document import NOT_EVALUATED, NOT_RUN, Document, Table
from sim.scores.headline import FAIR, FLATTERED, GUESS, Headline, headline, legend, setting_of
from sim.scores.policy import UNKNOWN, Evaluated, Row
from sim.scores.score import Score, over_trainings

_LEAD = (
    "Scores are success rates where the task knows success, else mean returns; in brackets 95 % intervals: over "
    "episodes for one training, over trainings (Student's t) for several."
)
_D4RL = (
    "D4RL score: 0 is a random policy, 100 an expert in D4RL's own environments (gym's -v2 bodies in mujoco-py). None "
    "of these evaluations ran there, so no published score can be compared with them."
)
_UNKNOWN = (
    "The method is unknown where the evaluated bundle no longer lies at its place; name the bundle beside its "
    "evaluation."
)


def results_document(evaluations: Sequence[Evaluated]) -> Document:
    """Return the page of these evaluations, in an order that does not depend on theirs."""
    ordered = sorted(evaluations, key=_order)
    tables = [_overview(ordered), deployment(ordered), _details(ordered), *curves(ordered)]
    return Document(title="Results", lead=_LEAD, tables=tables)


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
    notes = [*legend(rows), *([_UNKNOWN] if UNKNOWN in methods else [])]
    notes += [note for (task, method), own in cells.items() for note in _repeated(f"{task}, {method}", own)]
    return Table(title="Tasks and methods", columns=["task", *methods], rows=rows, notes=notes)


def _cell(evaluations: Sequence[Evaluated]) -> str:
    """Return the score of a method on a task: of every training the first of its best-founded ones."""
    if not evaluations:
        return NOT_RUN
    best = [_best_founded(found)[0] for found in _by_training(evaluations).values()]
    if not best:
        return NOT_EVALUATED
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
    scores = [_d4rl(evaluated) for evaluated in evaluations]
    scored = any(scores)
    if scored:
        rows = [[*row, score or "-"] for row, score in zip(rows, scores, strict=True)]
    broken = [f"{e.source} was interrupted: rows are missing." for e in evaluations if e.interrupted]
    notes = [*legend(rows), *broken, *([_D4RL] if scored else [])]
    heads = [*columns, "setting", "its score", *(["D4RL score"] if scored else [])]
    return Table(title="Evaluations", columns=heads, rows=rows, notes=notes)


def _d4rl(evaluated: Evaluated) -> str | None:
    """Return the normalised score of an evaluation that was asked for one."""
    found = headline(evaluated)
    score = None if found is None else found.row.get("d4rl_score")
    return None if score is None else f"{score:.1f}"


def _detail(evaluated: Evaluated) -> list[str]:
    policy, found = evaluated.policy, headline(evaluated)
    facts = (policy.seed, policy.updates, evaluated.episodes, evaluated.seed)
    return [
        policy.task,
        policy.method,
        *("-" if fact is None else f"{fact:,}" for fact in facts),
        _mode(evaluated.row("reference")),
        _mode(evaluated.row("best-of-n")),
        NOT_RUN if found is None else setting_of(found.row),
        NOT_RUN if found is None else str(found),
    ]


def _mode(row: Row | None) -> str:
    return NOT_RUN if row is None else str(Score.of(row) or NOT_RUN)
