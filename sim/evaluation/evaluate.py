"""From a bundle and a plan to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.evaluation.driver import Driver
from sim.evaluation.job import Bench, Job
from sim.evaluation.plan import Plan, require_consistent
from sim.evaluation.remote import ThroughServer
from sim.evaluation.rows import make_row
from sim.evaluation.run import Outcomes, run_here, run_in_workers
from sim.evaluation.serving import serving
from sim.evaluation.setting import Setting
from sim.evaluation.sweep import plan_rows
from sim.plants import Plant, open_plant
from vgf_robot.bundle.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was asked, and what came out.

    Attributes:
        bundle: What was run.
        plan: How.
        environment: Where.
        rows: One per mode or setting, in the order of the table.
    """

    bundle: Bundle
    plan: Plan
    environment: str
    rows: Sequence[dict[str, Any]]


def evaluate(bundle: Bundle, plan: Plan, open_plant: Callable[[str], Plant] = open_plant) -> Evaluation:
    """Run every setting of the plan on the same episodes.

    Args:
        bundle: Verified.
        plan: What to run.
        open_plant: Opens the plant by its name.

    Raises:
        BudgetError: A setting that the bundle does not allow or does not carry.
        ConfigError: Options that cannot go together.
        PlantError: There is no such plant, or the bundle does not fit it.
        ServerError: The server does not answer.
    """
    require_consistent(plan)
    planned = plan_rows(plan.axes, bundle.manifest)
    job = _job(bundle, plan, open_plant)
    settings = list(dict.fromkeys(setting for _, setting in planned))
    outcomes = _run(job, plan, settings)
    rows = [make_row(job, bundle, mode, setting, outcomes[setting]) for mode, setting in planned]
    return Evaluation(bundle=bundle, plan=plan, environment=job.environment, rows=rows)


def _job(bundle: Bundle, plan: Plan, open_plant: Callable[[str], Plant]) -> Job:
    return Job(
        bundle=bundle.folder,
        environment=plan.environment or bundle.manifest.environment,
        backend=plan.backend,
        threads=plan.threads,
        seed=plan.seed,
        clock=plan.clock,
        deadline_share=plan.deadline_share,
        open_plant=open_plant,
    )


def _run(job: Job, plan: Plan, settings: Sequence[Setting]) -> Outcomes:
    with _progress(len(settings) * plan.episodes) as advance:
        if plan.workers > 1:
            return run_in_workers(job, settings, plan.episodes, advance, plan.workers)
        with _bench(job, plan) as bench:
            return run_here(bench, settings, plan.episodes, advance)


@contextmanager
def _bench(job: Job, plan: Plan) -> Iterator[Bench]:
    """Open a bench on whatever answers: this process, a server of our own, or one that runs already."""
    with ExitStack() as stack:
        connect: Callable[[Bundle], Driver] | None = None
        if plan.endpoint is not None:
            connect = partial(ThroughServer.connect, endpoint=plan.endpoint)
        elif plan.through == "server":
            server = stack.enter_context(serving(job.bundle, job.backend, job.threads))
            connect = partial(ThroughServer.connect, endpoint=server.endpoint, require_alive=server.require_alive)
        bench = Bench.open(job, connect)
        stack.callback(bench.close)
        yield bench


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error; it is drawn between episodes, since a drawing thread would delay the ticks."""
    columns = (TextColumn("episodes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    disable = not console.is_terminal
    with Progress(*columns, console=console, auto_refresh=False, transient=True, disable=disable) as bar:
        task = bar.add_task("episodes", total=total)

        def advance(count: int) -> None:
            bar.advance(task, count)
            bar.refresh()

        yield advance
