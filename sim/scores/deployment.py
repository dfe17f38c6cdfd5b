"""Every way to run what was trained, best first, so that one table says which to deploy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sim.scores.document import Table
from sim.scores.headline import FAIR, FLATTERED, GUESS, headline, legend, setting_of
from sim.scores.policy import Evaluated, Row
from sim.scores.score import Score

_BARE = {"best-of-n": "best of N, unmoved", "reference": "reference alone"}
_RULE = (
    "Deploy: the best score of the task among the best-founded ones. As good: its interval reaches that one's, so that "
    "these episodes do not tell them apart, and the quicker tick may decide. None: not one of "
    "the task's episodes succeeded."
)
TICK = "tick ms, median"
_MARKS = (FAIR, GUESS, FLATTERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One way to run a bundle: its own setting, or without moving what it draws."""

    task: str
    method: str
    name: str
    row: Row
    updates: int | None
    episodes: int | None
    score: Score
    mark: str

    @property
    def order(self) -> tuple[str, int, float]:
        return self.task, _MARKS.index(self.mark), -self.score.value


def deployment(evaluations: Sequence[Evaluated]) -> Table:
    """Return the table, a row for every setting that an evaluation has a score of."""
    everything = [each for evaluated in evaluations for each in _candidates(evaluated)]
    found = sorted(_best_founded(everything), key=lambda each: each.order)
    best = {each.task: each for each in reversed(found)}
    rows = [
        [
            *(each.task, each.name, setting_of(each.row), f"{each.score}{each.mark}"),
            *(_count(each.episodes), _count(each.updates), _tick(each.row), _verdict(each, best)),
        ]
        for each in found
    ]
    columns = ["task", "policy", "setting", "score", "episodes", "critic updates", TICK, "verdict"]
    if all(_tick(each.row) == "-" for each in found):
        timed = columns.index(TICK)
        columns, *rows = ([*line[:timed], *line[timed + 1 :]] for line in (columns, *rows))
    return Table(title="What to deploy", columns=columns, rows=rows, notes=[_RULE, *legend(rows)])


def _candidates(evaluated: Evaluated) -> Iterator[_Candidate]:
    policy, found, taken = evaluated.policy, headline(evaluated), set[str]()
    candidate = partial(
        _Candidate, task=policy.task, method=policy.method, updates=policy.updates, episodes=evaluated.episodes
    )
    if found is not None:
        taken.add(setting_of(found.row))
        yield candidate(name=policy.method, row=found.row, score=found.score, mark=found.mark)
    for mode, name in _BARE.items():
        row = evaluated.row(mode)
        score = None if row is None else Score.of(row)
        if row is not None and score is not None and setting_of(row) not in taken:
            mark = FLATTERED if found is not None and found.mark == FLATTERED else FAIR
            yield candidate(name=f"{policy.method}, {name}", row=row, score=score, mark=mark)


def _best_founded(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return, of what goes by one name, or is one method at one setting, those with the best mark.

    A bundle says also how its setting was chosen; and a sealed setting without steps is best of N by another name.
    """
    marks: dict[tuple[str, ...], list[int]] = {}
    for each in candidates:
        for key in _names(each):
            marks.setdefault(key, []).append(_MARKS.index(each.mark))
    return [each for each in candidates if all(_MARKS.index(each.mark) == min(marks[key]) for key in _names(each))]


def _names(candidate: _Candidate) -> tuple[tuple[str, ...], ...]:
    return (candidate.task, candidate.name), (candidate.task, candidate.method, setting_of(candidate.row))


def _verdict(candidate: _Candidate, best_of: dict[str, _Candidate]) -> str:
    best = best_of[candidate.task]
    if best.score.is_rate and best.score.value == 0:
        return "none"
    if candidate is best:
        return "deploy"
    if best.score.low is None or candidate.score.high is None or candidate.mark != best.mark:
        return ""
    return "as good" if candidate.score.high >= best.score.low else ""


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _tick(row: Row) -> str:
    tick = row.get("tick_ms")
    return "-" if not tick else f"{tick['p50']:.2g}"
