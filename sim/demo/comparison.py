"""One bundle under load: its server, its plant, the rounds, and the rows they give."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sim.busy import usable_cores
from sim.demo.driving import DEADLINE_SHARE, Through, opened_driver, real_time_job
from sim.demo.rounds import Run, Stand, run_rounds, turns
from sim.evaluation.modes import ADAPTIVE, FIXED_0, FIXED_CAP
from sim.evaluation.real_time import MonotonicClock, RealTime
from sim.evaluation.rows import make_row
from sim.plants import Plant, require_fit
from vgf_robot.bundle import Bundle

TOO_FAST_POINTS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the modes did on one bundle.

    Attributes:
        bundle: What was run.
        through: Where the controller ran.
        num_busy: Busy processes meanwhile.
        deadline_ms: From the start of a period to its deadline.
        runs: One per mode, the idle one last.
        rows: One per run, in the machine-readable form.
        synthetic: Whether policy and observations are made up, so that returns mean nothing.
    """

    bundle: Bundle
    through: Through
    num_busy: int
    deadline_ms: float
    runs: Sequence[Run]
    rows: Sequence[dict[str, Any]]
    synthetic: bool

    def row(self, mode: str) -> dict[str, Any]:
        """Return the row of a mode under load."""
        return next(row for run, row in zip(self.runs, self.rows, strict=True) if _is(run, mode, loaded=True))

    @property
    def idle_row(self) -> dict[str, Any]:
        """The row of the adaptive mode on the idle machine."""
        return next(row for run, row in zip(self.runs, self.rows, strict=True) if _is(run, ADAPTIVE, loaded=False))

    @property
    def too_fast(self) -> bool:
        """Whether there is nothing to adapt to: all steps always fit, or there are none."""
        cap, floor = self.row(FIXED_CAP), self.row(FIXED_0)
        return cap["max_steps"] == 0 or cap["miss_rate"] - floor["miss_rate"] < TOO_FAST_POINTS / 100


def compare(
    bundle: Bundle,
    plant: Plant,
    *,
    through: Through,
    seed: int,
    budget_s: float,
    min_rounds: int,
    report: Callable[[str], None],
    synthetic: bool = False,
) -> Comparison:
    """Run the modes in rounds.

    Args:
        bundle: What to run; the period is its own.
        plant: What it controls; closed by the caller.
        through: Where the controller runs.
        seed: The episodes follow from it.
        budget_s: Time for the rounds.
        min_rounds: Rounds that are run even if they take longer.
        report: Told in words how far it is.
        synthetic: Whether policy and observations are made up.
    """
    require_fit(bundle.manifest, plant)
    timing = RealTime(manifest=bundle.manifest, deadline_share=DEADLINE_SHARE, clock=MonotonicClock())
    cores = usable_cores()
    order = turns(bundle.manifest)
    with ExitStack() as stack:
        drivers = {turn.label: stack.enter_context(opened_driver(bundle, through)) for turn in order}
        stack.enter_context(_frozen_garbage())
        stand = Stand(plant=plant, drivers=drivers, timing=timing, cores=cores, seed=seed)
        runs = run_rounds(stand, order, budget_s, min_rounds, report)
    return Comparison(
        bundle=bundle,
        through=through,
        num_busy=len(cores),
        deadline_ms=timing.deadline_ns / 1e6,
        runs=runs,
        rows=[_row(bundle, plant, seed, run, len(cores), synthetic) for run in runs],
        synthetic=synthetic,
    )


@contextmanager
def _frozen_garbage() -> Iterator[None]:
    """Keep what lives for good, the simulator's modules above all, from being walked again during a period."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _row(bundle: Bundle, plant: Plant, seed: int, run: Run, num_cores: int, synthetic: bool) -> dict[str, Any]:
    job = real_time_job(bundle, plant.environment_id, seed)
    row = make_row(job, bundle, run.turn.mode.name, run.turn.mode.setting, run.episodes)
    if synthetic:  # the plant pays no reward: a return of 0 would look like a result
        row |= dict.fromkeys(("return_mean", "return_low", "return_high"))
    return row | {
        "busy_processes": num_cores if run.turn.loaded else 0,
        "synthetic": synthetic,
        "periods": sum(episode.num_periods for episode in run.episodes),
    }


def _is(run: Run, mode: str, *, loaded: bool) -> bool:
    return run.turn.mode.name == mode and run.turn.loaded is loaded
