"""A checkpoint with its evaluation, and which of many is the one to seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.run_files import Checkpoint
from sim.scores import RETURN_KEYS, SUCCESS_KEYS
from vgf_robot.bundle import Bundle, best_row

Row = Mapping[str, Any]
_KEPT = ("mode", "num_particles", "reference_steps", "max_steps", "step_size", "mean_steps", "selection", "episodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One checkpoint, exported and evaluated.

    Attributes:
        checkpoint: Which.
        bundle: Its bundle, not sealed.
        settings: Of its evaluation.
        rows: One per setting.
    """

    checkpoint: Checkpoint
    bundle: Bundle
    settings: Mapping[str, Any]
    rows: Sequence[Row]

    def labelled_rows(self, rows: Sequence[Row], seed: int) -> list[dict[str, Any]]:
        """Return rows of it with the checkpoint and the seed they are of."""
        checkpoint = self.checkpoint
        facts = {"checkpoint": checkpoint.name, "critic_updates": checkpoint.critic_updates, "seed": seed}
        return [{**facts, **row} for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The checkpoint and the setting to seal."""

    candidate: Candidate
    row: Row


def choose(candidates: Sequence[Candidate]) -> Choice:
    """Return the setting to deploy of all checkpoints together.

    It is the cheapest row within one standard error of the best one, whatever checkpoint either is of: of settings
    that cost the same, the checkpoint with the higher score.

    Args:
        candidates: At least one.

    Raises:
        BundleError: Rows that cannot be compared.
    """
    owners = {id(row): candidate for candidate in candidates for row in candidate.rows}
    best = best_row([row for candidate in candidates for row in candidate.rows])
    return Choice(candidate=owners[id(best)], row=best)


def evidence(choice: Choice, candidates: Sequence[Candidate]) -> tuple[dict[str, Any], list[Row]]:
    """Return settings and rows that say of an evaluation what was chosen, for `export --cap-from`.

    That verb would choose again among the rows it is given, of one checkpoint alone; so it is given the chosen one,
    and beside it what that was chosen from.
    """
    among = {
        "checkpoints": [candidate.checkpoint.name for candidate in candidates],
        "rows": sum(len(candidate.rows) for candidate in candidates),
        "best_of_each": {candidate.checkpoint.name: _score(best_row(candidate.rows)) for candidate in candidates},
        "settings": [{**_score(row), "chosen": row is choice.row} for row in choice.candidate.rows],
    }
    return {**choice.candidate.settings, "selected_among": among}, [choice.row]


def _score(row: Row) -> dict[str, Any]:
    return {key: row.get(key) for key in (*_KEPT, *SUCCESS_KEYS, *RETURN_KEYS)}
