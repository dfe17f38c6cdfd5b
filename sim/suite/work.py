"""The work of a suite: which rig runs an episode, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from sim.evaluation.job import ClockName, Job, Rig
from sim.faults import CLEAR as NO_CONDITION
from sim.faults import Condition
from sim.plants import Plant, open_plant
from sim.suite.cells import Cell, Key
from sim.suite.episode_row import episode_row
from sim.suite.suite import CLEAR, NamedBudget, Suite
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.controller import resolve
from vgf_robot.errors import ConfigError

OpenPlant = Callable[[str], Plant]
Way = tuple[str | None, int | None, str | None, int | None]
"""What a budget names of the graphs: backend, threads, precision and K; each way has a rig of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteWork:
    """A suite as data that travels to worker processes.

    Attributes:
        suite: What is run.
        jobs: By the tasks' names.
    """

    suite: Suite
    jobs: Mapping[str, Job]

    @classmethod
    def of(cls, suite: Suite, bundles: Mapping[str, Bundle], open_plant: OpenPlant = open_plant) -> SuiteWork:
        """Return the work of a suite.

        Args:
            suite: What shall be run.
            bundles: By the tasks' names.
            open_plant: Opens a plant by its name.
        """
        jobs = {
            task.title: Job(
                bundle=bundles[task.title].folder,
                environment=task.environment or bundles[task.title].manifest.environment,
                backend=suite.backend,
                threads=suite.threads,
                seed=suite.seed,
                clock=suite.clock,
                deadline_share=suite.deadline_share,
                profile=None if suite.profile is None else Path(suite.profile),
                slow_down=suite.slow_down,
                data=None if suite.data is None else Path(suite.data),
                open_plant=open_plant,
            )
            for task in suite.tasks
        }
        return cls(suite=suite, jobs=jobs)

    def condition(self, cell: Cell) -> Condition:
        """Return the faults of a cell."""
        if cell.scenario == CLEAR:
            return NO_CONDITION
        faults = next(scenario.faults for scenario in self.suite.scenarios if scenario.name == cell.scenario)
        return Condition(faults=faults, severity=cell.severity)

    def budget(self, cell: Cell) -> NamedBudget:
        """Return the budget of a cell."""
        return next(budget for budget in self.suite.budgets if budget.name == cell.budget)

    def job(self, task: str, budget: NamedBudget) -> Job:
        """Return the job of a task, with the variants and on the backend that a budget names."""
        job = self.jobs[task]
        return replace(
            job,
            backend=budget.backend or job.backend,
            threads=budget.threads or job.threads,
            precision=budget.precision,
            reference_steps=budget.reference_steps,
        )

    def require_possible(self) -> None:
        """Open every task once, and look at every budget and scenario, before an episode is run.

        Raises:
            VgfError: What is wrong first: a plant that there is not or that the bundle does not fit, a budget that the
                bundle does not allow, a fault on what the model lacks.
        """
        for task in self.jobs:
            jobs = {_way(budget): self.job(task, budget) for budget in self.suite.budgets}
            manifests = {way: job.load_bundle().manifest for way, job in jobs.items()}
            for budget in self.suite.budgets:
                resolve(budget.budget(), manifests[_way(budget)])
                _require_deadline(budget, self.suite.clock, manifests[_way(budget)])
            for job in jobs.values():
                self._require_runnable(job)

    def _require_runnable(self, job: Job) -> None:
        rig = Rig.open(job)
        try:
            for scenario in self.suite.scenarios:
                rig.require_applicable(Condition(faults=scenario.faults))
        finally:
            rig.close()


@final
class EpisodeRunner:
    """Runs episodes; keeps the rigs of one task open, since a suite goes through its tasks one after the other."""

    def __init__(self, work: SuiteWork) -> None:
        self._work = work
        self._task: str | None = None
        self._open: dict[Way, tuple[Rig, Bundle]] = {}

    def __call__(self, key: Key) -> dict[str, Any]:
        """Run one episode and return its row."""
        work, cell = self._work, key.cell
        budget = work.budget(cell)
        rig, bundle = self._rig(cell.task, budget)
        episode = rig.run_budget(
            budget.budget(),
            key.episode,
            keeps_deadline=budget.keeps_deadline,
            deadline_share=_deadline_share(budget, bundle.manifest),
            condition=work.condition(cell),
        )
        return episode_row(work.suite, key, budget, bundle, work.jobs[cell.task].environment, episode)

    def close(self) -> None:
        """Close what is open."""
        for rig, _ in self._open.values():
            rig.close()
        self._open = {}

    def _rig(self, task: str, budget: NamedBudget) -> tuple[Rig, Bundle]:
        if task != self._task:
            self.close()
            self._task = task
        if (way := _way(budget)) not in self._open:
            job = self._work.job(task, budget)
            self._open[way] = Rig.open(job), job.load_bundle()
        return self._open[way]


def _way(budget: NamedBudget) -> Way:
    return budget.backend, budget.threads, budget.precision, budget.reference_steps


def _deadline_share(budget: NamedBudget, manifest: Manifest) -> float | None:
    return None if budget.deadline_ms is None else budget.deadline_ms / (1e3 * manifest.control_period_s)


def _require_deadline(budget: NamedBudget, clock: ClockName, manifest: Manifest) -> None:
    share = _deadline_share(budget, manifest)
    if share is None:
        return
    if clock == "lock-step":
        raise ConfigError(
            f"Budget '{budget.name}' has a deadline, and a plant that waits knows none; take the clock real-time or "
            "charged."
        )
    if share > 1:
        raise ConfigError(
            f"Budget '{budget.name}': expected deadline_ms up to the control period of '{manifest.name}', "
            f"{1e3 * manifest.control_period_s:g} ms, found {budget.deadline_ms:g}; give a shorter one."
        )
