"""From a bundle and a plan to rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import msgspec

from sim.evaluation.d4rl_scores import require_task, score_columns
from sim.evaluation.driver import Driver
from sim.evaluation.episode import Episode
from sim.evaluation.job import Job, Rig
from sim.evaluation.modes import Mode, Way
from sim.evaluation.plan import Plan, plan_rows, require_consistent
from sim.evaluation.progress import progress
from sim.evaluation.remote import ThroughServer
from sim.evaluation.rows import make_row
from sim.evaluation.serving import ServerProcess, serving
from sim.faults import Condition
from sim.plants import Plant, open_plant
from sim.plants.workers import in_workers
from vgf_robot.bundle import Bundle
from vgf_robot.profile import save_profile
from vgf_robot.receipts import resolve_backend
from vgf_robot.security import ClientKeys

Task = tuple[Way, int]
Outcomes = dict[Way, list[Episode]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was asked, and what came out.

    Attributes:
        bundle: What was run.
        plan: How.
        environment: Where.
        rows: One per mode or setting, in the order of the table.
        interrupted: Whether it was broken off, so that rows or episodes are missing.
    """

    bundle: Bundle
    plan: Plan
    environment: str
    rows: Sequence[dict[str, Any]]
    interrupted: bool = False


class EvaluationInterrupted(KeyboardInterrupt):
    """The evaluation was broken off; what can be used of it comes along."""

    def __init__(self, evaluation: Evaluation) -> None:
        super().__init__()
        self.evaluation = evaluation


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
        EvaluationInterrupted: Ctrl-C, with the rows that can be used.
    """
    require_consistent(plan)
    if plan.reference_steps is not None:
        bundle = bundle.restricted(reference_steps=plan.reference_steps)
    modes = plan_rows(plan, bundle.manifest)
    if plan.endpoint is None:  # a server that runs already has its own
        plan = msgspec.structs.replace(plan, backend=resolve_backend(plan.backend, bundle, plan.threads))
    job = _job(bundle, plan, open_plant)
    if plan.d4rl_task is not None:
        require_task(plan.d4rl_task, job.environment)
    ways = list(dict.fromkeys(mode.way for mode in modes))
    episodes: dict[Task, Episode] = {}
    try:
        _run(job, plan, ways, episodes)
    except KeyboardInterrupt as interrupt:
        rows = _rows(job, bundle, modes, _usable(plan, ways, episodes), plan.d4rl_task)
        found = Evaluation(bundle=bundle, plan=plan, environment=job.environment, rows=rows, interrupted=True)
        raise EvaluationInterrupted(found) from interrupt
    rows = _rows(job, bundle, modes, _usable(plan, ways, episodes), plan.d4rl_task)
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
        reference_steps=plan.reference_steps,
        data=None if plan.data is None else Path(plan.data),
        profile=None if plan.profile is None else Path(plan.profile),
        slow_down=plan.slow_down,
        record=plan.record_profile is not None,
        condition=Condition(faults=plan.faults, severity=plan.severity),
        open_plant=open_plant,
    )


def _run(job: Job, plan: Plan, ways: Sequence[Way], episodes: dict[Task, Episode]) -> None:
    """Run the tasks and put each episode in its place as it ends; how many workers there are changes nothing."""
    tasks = _tasks(plan, ways)
    with progress(len(tasks)) as advance, closing(_finished(job, plan, tasks)) as finished:
        for task, episode in finished:
            episodes[task] = episode
            advance()


def _tasks(plan: Plan, ways: Sequence[Way]) -> list[Task]:
    """Return every episode of every way; where time is measured they take turns: a drift of the machine hits all."""
    if plan.measures:
        return [(way, index) for index in range(plan.episodes) for way in ways]
    return [(way, index) for way in ways for index in range(plan.episodes)]


def _finished(job: Job, plan: Plan, tasks: Sequence[Task]) -> Generator[tuple[Task, Episode]]:
    if plan.workers > 1:
        yield from in_workers(_Episodes(job), tasks, plan.workers, _name)
        return
    with _rig(job, plan) as rig:
        for way, index in tasks:
            yield (way, index), rig.run(way, index)


@final
class _Episodes:
    """Runs episodes in a worker process, which opens its rig with the first one and ends with it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._rig: Rig | None = None

    def __call__(self, task: Task) -> Episode:
        """Run one episode."""
        self._rig = self._rig or Rig.open(self._job)
        return self._rig.run(*task)


def _name(task: Task) -> str:
    return f"episode {task[1]}"


def _usable(plan: Plan, ways: Sequence[Way], episodes: dict[Task, Episode]) -> Outcomes:
    """Return the episodes of whole rows; against the clock, where all rows grow together, those of whole rounds."""
    counts = {way: next((i for i in range(plan.episodes) if (way, i) not in episodes), plan.episodes) for way in ways}
    if plan.measures:
        counts = dict.fromkeys(ways, min(counts.values()))
    else:
        counts = {way: count for way, count in counts.items() if count == plan.episodes}
    return {way: [episodes[way, index] for index in range(count)] for way, count in counts.items() if count}


def _rows(
    job: Job, bundle: Bundle, modes: Sequence[Mode], outcomes: Outcomes, d4rl_task: str | None
) -> list[dict[str, Any]]:
    rows = [
        make_row(job, bundle, mode.name, mode.setting, outcomes[mode.way]) for mode in modes if mode.way in outcomes
    ]
    return rows if d4rl_task is None else [{**row, **score_columns(d4rl_task, row)} for row in rows]


@contextmanager
def _rig(job: Job, plan: Plan) -> Iterator[Rig]:
    """Open a rig on whatever answers: this process, a server of our own, or one that runs already.

    What ticks took is written at the end, where that was asked for; of an evaluation that was broken off it is not.
    """
    with ExitStack() as stack:
        connect: Callable[[Bundle], Driver] | None = None
        server: ServerProcess | None = None
        if plan.endpoint is not None:
            keys = ClientKeys.spoken(plan.keys, plan.server_key)
            connect = partial(ThroughServer.connect, endpoint=plan.endpoint, keys=keys)
        elif plan.through == "server":
            server = stack.enter_context(serving(job.bundle, job.backend, job.threads))
            connect = partial(ThroughServer.connect, endpoint=server.endpoint, own=server)
        rig = Rig.open(job, connect, server)
        stack.callback(rig.close)
        yield rig
        if plan.record_profile is not None:
            save_profile(Path(plan.record_profile), rig.recorded())
