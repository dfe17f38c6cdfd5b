"""Which setting is chosen for a deadline, what it is compared with, and on which episodes that is confirmed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.modes import BEST_OF_N, REFERENCE
from sim.tuning.candidates import Candidate
from sim.tuning.request import TuneRequest
from sim.tuning.screening import Screened
from sim.tuning.simulating import Cell, Simulated
from vgf_robot.errors import LimitError

SEALED = "sealed"
Simulations = Mapping[Cell, Simulated]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a deadline leads to.

    Attributes:
        deadline_ms: The deadline.
        confirmed_ms: The deadline that it is confirmed at: this one where it was asked for; else, where it cuts nothing
            off, the longest one.
        screened: The setting, with what was foretold.
        rivals: What it is compared with, by their modes: no step, and the bundle's own setting, where they fit; only
            for deadlines that were asked for.
    """

    deadline_ms: float
    confirmed_ms: float
    screened: Screened
    rivals: Mapping[str, Screened]

    def confirmed(self, screened: Screened) -> Cell:
        """Return what a setting is confirmed as."""
        return Cell(screened.candidate, self.confirmed_ms)

    def cells(self) -> list[Cell]:
        """Return everything that is confirmed."""
        return [self.confirmed(each) for each in (self.screened, *self.rivals.values())]


def cell_of(screened: Screened) -> Cell:
    """Return what a setting was simulated as when settings were chosen."""
    return Cell(screened.candidate, screened.simulated_ms)


def choose(
    request: TuneRequest, screened: Sequence[Screened], simulated: Simulations, sealed: Candidate | None
) -> dict[float, Choice]:
    """Return a choice for every deadline that some setting keeps: the cheapest of those the best does not clearly beat.

    Args:
        request: The miss rate.
        screened: Every setting at every deadline.
        simulated: Those that were not left out.
        sealed: The setting that the bundle is sealed at.
    """
    choices: dict[float, Choice] = {}
    for deadline_ms in sorted({each.deadline_ms for each in screened}):
        fitting = [
            each
            for each in screened
            if each.deadline_ms == deadline_ms and each.left_out is None and cell_of(each) in simulated
        ]
        kept = [each for each in fitting if _keeps(request, each, simulated)]
        if kept:
            chosen = _best(kept, simulated)
            asked = deadline_ms in request.deadline_ms
            choices[deadline_ms] = Choice(
                deadline_ms=deadline_ms,
                confirmed_ms=deadline_ms if asked else chosen.simulated_ms or deadline_ms,
                screened=chosen,
                rivals=_rivals(kept, simulated, sealed) if asked else {},
            )
    return choices


def require_some_fit(request: TuneRequest, screened: Sequence[Screened]) -> None:
    """Refuse to simulate where no deadline that was asked for can be kept.

    Raises:
        LimitError: What comes nearest.
    """
    asked = [each for each in screened if each.deadline_ms in request.deadline_ms]
    if any(each.left_out is None for each in asked):
        return
    raise LimitError(unkept(request, max(request.deadline_ms), screened))


def unkept(request: TuneRequest, deadline_ms: float, screened: Sequence[Screened]) -> str:
    """Return a sentence on a deadline that no setting keeps."""
    best = nearest(screened, deadline_ms)
    return (
        f"No setting keeps a deadline of {deadline_ms:g} ms with a miss rate of {request.miss_rate:g}: the nearest, "
        f"{best.candidate.title}, misses {best.prediction.miss_rate:.2g}; allow more time or more misses, or export "
        "fewer particles."
    )


def nearest(screened: Sequence[Screened], deadline_ms: float) -> Screened:
    """Return the setting that is foretold to miss a deadline least."""
    return min(
        (each for each in screened if each.deadline_ms == deadline_ms), key=lambda each: each.prediction.miss_rate
    )


def with_displacements(request: TuneRequest, candidate: Candidate) -> list[Candidate]:
    """Return a setting at every displacement that was asked for, ascending, and at its own."""
    own = candidate.max_distance
    smaller = [each for each in sorted(request.displacements) if own is None or each < own]
    return [*(replace(candidate, max_distance=each) for each in smaller), candidate]


def _keeps(request: TuneRequest, screened: Screened, simulated: Simulations) -> bool:
    """Return whether a setting that was simulated at its very deadline kept it there too."""
    elsewhere = screened.simulated_ms != screened.deadline_ms
    return elsewhere or simulated[cell_of(screened)].row["miss_rate"] <= request.miss_rate


def _best(kept: Sequence[Screened], simulated: Simulations) -> Screened:
    """Return the cheapest setting that falls short of the best one by at most one standard error.

    The error is that of the mean difference over pairs: what a seed's luck gives to both counts for neither. Cheaper
    has fewer steps, then fewer particles; then the higher score goes first, and the smaller step.

    Source: Breiman et al., "Classification and regression trees", 1984, section 3.4.3: the one-standard-error rule.
    Deviation: paired, unlike `vgf_robot.bundle.best_row`, which has the rows and not the episodes.
    """
    scores = {id(each): _scores(simulated[cell_of(each)]) for each in kept}
    best = max((scores[id(each)] for each in kept), key=np.mean)

    def equal(each: Screened) -> bool:
        short = best - scores[id(each)]
        error = float(short.std(ddof=1)) / math.sqrt(len(short)) if len(short) > 1 else 0.0
        return float(short.mean()) <= error

    def cost(each: Screened) -> tuple[float, int, float, float]:
        steps = simulated[cell_of(each)].row["mean_steps"]
        candidate = each.candidate
        return (steps, candidate.shape.num_particles, -float(np.mean(scores[id(each)])), candidate.step_size or 0.0)

    return min((each for each in kept if equal(each)), key=cost)


def _rivals(kept: Sequence[Screened], simulated: Simulations, sealed: Candidate | None) -> dict[str, Screened]:
    rivals: dict[str, Screened] = {}
    still = [each for each in kept if each.candidate.max_steps == 0]
    if still:
        best = max(still, key=lambda each: float(np.mean(_scores(simulated[cell_of(each)]))))
        rivals[BEST_OF_N if best.candidate.shape.num_particles > 1 else REFERENCE] = best
    own = next((each for each in kept if each.candidate == sealed), None)
    return rivals if own is None else {**rivals, SEALED: own}


def _scores(simulated: Simulated) -> NDArray[np.float64]:
    """Return what each episode was worth, shape (episodes,): solved or not, or its return where no task is known."""
    known = all(row["success"] is not None for row in simulated.episodes)
    return np.array([row["success" if known else "return"] for row in simulated.episodes], np.float64)
