"""One bundle under load: its server, its plant, the rounds, and the rows they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sim.demo.cores import usable_cores
from sim.demo.modes import ADAPTIVE, compared_modes
from sim.demo.rounds import Run, Stand, run_rounds
from sim.evaluation.clock import MonotonicClock
from sim.evaluation.driver import Driver
from sim.evaluation.job import Job
from sim.evaluation.real_time import RealTime
from sim.evaluation.remote import ThroughServer
from sim.evaluation.rows import make_row
from sim.evaluation.serving import serving
from sim.plants import Plant, require_fit
from vgf_robot.bundle.bundle import Bundle

BACKEND, THREADS = "onnxruntime-cpu", 1
DEADLINE_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the modes did on one bundle.

    Attributes:
        bundle: What was run.
        num_busy: Busy processes meanwhile.
        deadline_ms: From the start of a period to its deadline.
        runs: One per mode, the idle one last.
        rows: One per run, in the machine-readable form.
        synthetic: Whether policy and observations are made up, so that returns mean nothing.
    """

    bundle: Bundle
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
        cap = self.row("fixed-cap")
        return cap["max_steps"] == 0 or cap["miss_rate"] - self.row("fixed-0")["miss_rate"] < TOO_FAST_POINTS / 100


TOO_FAST_POINTS = 1.0


@contextmanager
def driven_by_server(bundle: Bundle) -> Iterator[Driver]:
    """Start `serve` as a process of its own, and drive it through the client that a robot uses."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(bundle.folder, BACKEND, THREADS))
        driver = ThroughServer.connect(bundle, server.endpoint, server.require_alive)
        stack.callback(driver.close)
        yield driver


def compare(
    bundle: Bundle,
    plant: Plant,
    *,
    seed: int,
    budget_s: float,
    min_rounds: int,
    report: Callable[[str], None],
    synthetic: bool = False,
) -> Comparison:
    """Run the modes in rounds through a server of this bundle.

    Args:
        bundle: What to serve; the period is its own.
        plant: What it controls; closed by the caller.
        seed: The episodes follow from it.
        budget_s: Time for the rounds.
        min_rounds: Rounds that are run even if they take longer.
        report: Told in words how far it is.
        synthetic: Whether policy and observations are made up.
    """
    require_fit(bundle.manifest, plant)
    timing = RealTime(manifest=bundle.manifest, deadline_share=DEADLINE_SHARE, clock=MonotonicClock())
    cores = usable_cores()
    with driven_by_server(bundle) as driver:
        stand = Stand(plant=plant, driver=driver, timing=timing, cores=cores, seed=seed)
        runs = run_rounds(stand, compared_modes(bundle.manifest), budget_s, min_rounds, report)
    return Comparison(
        bundle=bundle,
        num_busy=len(cores),
        deadline_ms=timing.deadline_ns / 1e6,
        runs=runs,
        rows=[_row(bundle, plant, seed, run, len(cores), synthetic) for run in runs],
        synthetic=synthetic,
    )


def real_time_job(bundle: Bundle, environment: str, seed: int) -> Job:
    """Return what real-time episodes through the demo's servers have in common."""
    return Job(
        bundle=bundle.folder,
        environment=environment,
        backend=BACKEND,
        threads=THREADS,
        seed=seed,
        clock="real-time",
        deadline_share=DEADLINE_SHARE,
    )


def _row(bundle: Bundle, plant: Plant, seed: int, run: Run, num_cores: int, synthetic: bool) -> dict[str, Any]:
    job = real_time_job(bundle, plant.environment_id, seed)
    row = make_row(job, bundle, run.mode.name, run.mode.setting, run.episodes)
    if synthetic:  # the plant pays no reward: a return of 0 would look like a result
        row |= dict.fromkeys(("return_mean", "return_low", "return_high"))
    return row | {
        "busy_processes": num_cores if run.mode.loaded else 0,
        "synthetic": synthetic,
        "periods": sum(episode.num_periods for episode in run.episodes),
    }


def _is(run: Run, mode: str, *, loaded: bool) -> bool:
    return run.mode.name == mode and run.mode.loaded is loaded
