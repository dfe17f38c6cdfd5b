"""An evaluation as data that travels to worker processes, and the rig that runs its episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, final

from sim.evaluation.charged_driver import ChargedDriver
from sim.evaluation.device_profile import Compute, load_times
from sim.evaluation.driver import Driver, InProcess
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.latency import run_with_latency
from sim.evaluation.lock_step import run_lock_step
from sim.evaluation.modes import IgnoringDeadline, Way
from sim.evaluation.near_data import NearData
from sim.evaluation.neighbours import Neighbours
from sim.evaluation.real_time import Clock, MonotonicClock, RealTime
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import MeasuredTimes, RecordedTimes, StageTimes
from sim.faults import CLEAR, Condition, faulty_driver, faulty_plant, require_applicable
from sim.plants import Plant, open_plant, require_divisible, require_fit
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, ControllerSettings
from vgf_robot.receipts import split_name

ClockName = Literal["lock-step", "real-time", "charged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every episode of an evaluation has in common.

    Attributes:
        bundle: The bundle's folder.
        environment: The plant's name.
        backend: Name of the backend.
        threads: Threads of the backend.
        precision: Of the matrix products; None for the first that the bundle has.
        reference_steps: K; None for the bundle's.
        data: Dataset that chosen actions are compared with; None for none.
        seed: Every setting sees the episodes that follow from it.
        clock: Whether the plant waits for the controller, and if not, whose time passes.
        deadline_share: Share of the control period, in (0, 1]; counts where the plant does not wait.
        profile: Recorded stage times for the clock `charged`; None charges what they take here.
        slow_down: Recorded times are taken times this.
        condition: The faults of every episode that names no others.
        open_plant: Opens the plant by its name.
    """

    bundle: Path
    environment: str
    backend: str
    threads: int
    seed: int
    clock: ClockName
    deadline_share: float
    precision: str | None = None
    reference_steps: int | None = None
    data: Path | None = None
    profile: Path | None = None
    slow_down: float = 1.0
    condition: Condition = CLEAR
    open_plant: Callable[[str], Plant] = open_plant

    def load_bundle(self) -> Bundle:
        """Return the bundle, with the variants that this evaluation is of.

        Raises:
            BundleError: It is damaged.
            BudgetError: It has no such variant.
        """
        bundle = Bundle.load(self.bundle)
        if self.precision is None and self.reference_steps is None:
            return bundle
        return bundle.restricted(reference_steps=self.reference_steps, precision=self.precision)


@final
class Rig:
    """A plant and a driver, opened once and used for many episodes."""

    def __init__(self, job: Job, plant: Plant, driver: Driver, bundle: Bundle, clock: Clock) -> None:
        self._job = job
        self._plant = plant
        self._driver = driver
        self._manifest = bundle.manifest
        self._timing = RealTime(manifest=bundle.manifest, deadline_share=job.deadline_share, clock=clock)

    @classmethod
    def open(cls, job: Job, connect: Callable[[Bundle], Driver] | None = None) -> Rig:
        """Open the plant, check that the bundle fits it, and open the driver.

        Args:
            job: The evaluation.
            connect: Opens the driver; None opens a controller in this process.

        Raises:
            BundleError: The bundle is damaged.
            PlantError: There is no such plant, the bundle does not fit it, or it cannot do what the clock asks.
            ConfigError: The device profile is none, or a fault does not go with the bundle or the clock.
        """
        bundle = job.load_bundle()
        plant = job.open_plant(job.environment)
        try:
            require_fit(bundle.manifest, plant)
            if job.clock != "lock-step":
                require_divisible(plant)
            if job.clock == "charged":
                clock = SimulatedClock()
                driver = ChargedDriver(bundle, job.backend, job.threads, clock, _stage_times(job, bundle))
            else:
                clock = MonotonicClock()
                driver = InProcess.open(bundle, job.backend, job.threads) if connect is None else connect(bundle)
            if job.data is not None:
                driver = NearData(driver, Neighbours.read(job.data, bundle.manifest))
        except BaseException:
            plant.close()
            raise
        rig = cls(job, plant, driver, bundle, clock)
        try:
            rig.require_applicable(job.condition)
        except BaseException:
            rig.close()
            raise
        return rig

    def require_applicable(self, condition: Condition) -> None:
        """Refuse faults that cannot be here, before an episode is run.

        Raises:
            PlantError: The plant's model lacks what a fault changes.
            ConfigError: A fault does not go with the bundle or the clock.
        """
        if not condition.clear:
            has_deadline = self._job.clock != "lock-step"
            plant = require_divisible(self._plant)
            require_applicable(plant, condition.faults, self._manifest, has_deadline=has_deadline)

    def run(self, way: Way, index: int) -> Episode:
        """Run one episode.

        Args:
            way: What each request may spend, and whether the controller is told the deadline.
            index: The episode's number, from which its seeds follow.
        """
        setting, keeps_deadline = way
        return self.run_budget(setting.budget(), index, keeps_deadline=keeps_deadline)

    def run_budget(
        self,
        budget: Budget,
        index: int,
        *,
        keeps_deadline: bool = True,
        deadline_share: float | None = None,
        condition: Condition | None = None,
    ) -> Episode:
        """Run one episode with any budget.

        Args:
            budget: What each request may spend.
            index: The episode's number, from which its seeds follow.
            keeps_deadline: Whether the controller is told the deadline.
            deadline_share: Share of the control period, in (0, 1]; None for the job's.
            condition: Its faults; None for the job's.
        """
        condition = self._job.condition if condition is None else condition
        self._driver.prepare(budget)
        timing = self._timing if deadline_share is None else replace(self._timing, deadline_share=deadline_share)
        driver = self._driver if keeps_deadline else IgnoringDeadline(self._driver)
        driver = faulty_driver(driver, condition, timing.clock)
        seeds = episode_seeds(self._job.seed, index)
        if condition.clear:
            return self._run(self._plant, driver, budget, seeds, timing)
        with faulty_plant(require_divisible(self._plant), condition, self._manifest) as plant:
            return self._run(plant, driver, budget, seeds, timing)

    def _run(self, plant: Plant, driver: Driver, budget: Budget, seeds: tuple[int, int], timing: RealTime) -> Episode:
        if self._job.clock == "lock-step":
            return run_lock_step(plant, self._driver, budget, seeds)
        return run_with_latency(require_divisible(plant), driver, budget, seeds, timing)

    def close(self) -> None:
        """Close plant and driver."""
        self._driver.close()
        self._plant.close()


def _stage_times(job: Job, bundle: Bundle) -> StageTimes:
    if job.profile is None:
        return MeasuredTimes()
    backend, precision = split_name(job.backend)
    precision = job.precision or precision or bundle.manifest.variants[0].precision
    compute = Compute(backend, precision, job.threads)
    return RecordedTimes(load_times(job.profile, job.slow_down), compute, ControllerSettings())
