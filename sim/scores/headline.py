"""The score that an evaluation stands for, and how well founded it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.scores.policy import Evaluated, Row
from sim.scores.score import Score
from vgf_robot.bundle import best_row
from vgf_robot.errors import BundleError

FAIR, GUESS, FLATTERED = "", "\u2021", "\u2020"  # from the best-founded to the least
_LEGEND = {
    FLATTERED: "the best of a sweep, or a setting chosen on these very episodes: flattered, and no fair comparison.",
    GUESS: "the exporter's first guess: no evaluation sealed this setting.",
}


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
    if not evaluated.sealed and (row is None or evaluated.flattered or evaluated.row("sweep") is not None):
        row, mark = _best(evaluated.rows), FLATTERED
    score = None if row is None else Score.of(row)
    if row is None or score is None:
        return None
    return Headline(row=row, score=score, mark=FLATTERED if evaluated.flattered else mark)


def legend(rows: Sequence[Sequence[str]]) -> list[str]:
    """Say what the marks in the cells of these rows mean."""
    text = "".join(cell for row in rows for cell in row[1:])
    return [f"{mark} {meaning}" for mark, meaning in _LEGEND.items() if mark in text]


def setting_of(row: Row) -> str:
    """Return a row's setting as a reader sees it."""
    size, steps = row.get("step_size"), row.get("max_steps")
    moved = f"{steps} step{'' if steps == 1 else 's'}" + ("" if size is None else f" of {size:g}")
    return f"N {row.get('num_particles')}, {moved}"


def _best(rows: Sequence[Row]) -> Row | None:
    chosen = next((row for row in rows if row.get("chosen")), None)
    try:
        return chosen or best_row(rows)
    except BundleError:  # none, or rows that no rule can compare
        return None
