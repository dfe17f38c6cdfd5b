"""The work of a suite: which rig runs an episode, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from sim.evaluation.job import Job, Rig
from sim.faults import CLEAR as NO_CONDITION
from sim.faults import Condition
from sim.plants import Plant, open_plant
from sim.suite.cells import Cell, Key
from sim.suite.episode_row import episode_row
from sim.suite.suite import CLEAR, NamedBudget, Suite
from vgf_robot.bundle import Bundle
from vgf_robot.controller import resolve

OpenPlant = Callable[[str], Plant]


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

    def require_possible(self) -> None:
        """Open every task once, and look at every budget and scenario, before an episode is run.

        Raises:
            VgfError: What is wrong first: a plant that there is not or that the bundle does not fit, a budget that the
                bundle does not allow, a fault on what the model lacks.
        """
        for job in self.jobs.values():
            manifest = Bundle.load(job.bundle).manifest
            for budget in self.suite.budgets:
                resolve(budget.budget(), manifest)
            rig = Rig.open(job)
            try:
                for scenario in self.suite.scenarios:
                    rig.require_applicable(Condition(faults=scenario.faults))
            finally:
                rig.close()


@final
class EpisodeRunner:
    """Runs episodes; keeps the rig of one task open, since a suite goes through its tasks one after the other."""

    def __init__(self, work: SuiteWork) -> None:
        self._work = work
        self._open: tuple[str, Rig, Bundle] | None = None

    def __call__(self, key: Key) -> dict[str, Any]:
        """Run one episode and return its row."""
        work, cell = self._work, key.cell
        rig, bundle = self._rig(cell.task)
        budget = work.budget(cell)
        episode = rig.run_budget(
            budget.budget(), key.episode, keeps_deadline=budget.keeps_deadline, condition=work.condition(cell)
        )
        return episode_row(work.suite, key, budget, bundle, work.jobs[cell.task].environment, episode)

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _rig(self, task: str) -> tuple[Rig, Bundle]:
        if self._open is None or self._open[0] != task:
            self.close()
            job = self._work.jobs[task]
            self._open = task, Rig.open(job), Bundle.load(job.bundle)
        return self._open[1], self._open[2]
