"""An evaluation as data that travels to worker processes, and the rig that runs its episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from sim.evaluation.charged import run_charged
from sim.evaluation.charged_driver import ChargedDriver
from sim.evaluation.device_profile import load_profile
from sim.evaluation.driver import Driver, InProcess
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.lock_step import run_lock_step
from sim.evaluation.modes import IgnoringDeadline, Way
from sim.evaluation.real_time import Clock, MonotonicClock, RealTime, run_real_time
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import MeasuredTimes, RecordedTimes, StageTimes
from sim.faults import CLEAR, Condition, faulty_driver, faulty_plant, require_applicable
from sim.plants import Plant, open_plant, require_divisible, require_fit
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, ControllerSettings

ClockName = Literal["lock-step", "real-time", "charged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every episode of an evaluation has in common.

    Attributes:
        bundle: The bundle's folder.
        environment: The plant's name.
        backend: Name of the backend.
        threads: Threads of the backend.
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
    profile: Path | None = None
    slow_down: float = 1.0
    condition: Condition = CLEAR
    open_plant: Callable[[str], Plant] = open_plant


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
        bundle = Bundle.load(job.bundle)
        plant = job.open_plant(job.environment)
        try:
            require_fit(bundle.manifest, plant)
            if job.clock == "charged":
                require_divisible(plant)
                clock = SimulatedClock()
                driver = ChargedDriver(bundle, job.backend, job.threads, clock, _stage_times(job))
            else:
                clock = MonotonicClock()
                driver = InProcess.open(bundle, job.backend, job.threads) if connect is None else connect(bundle)
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
        self, budget: Budget, index: int, *, keeps_deadline: bool = True, condition: Condition | None = None
    ) -> Episode:
        """Run one episode with any budget.

        Args:
            budget: What each request may spend.
            index: The episode's number, from which its seeds follow.
            keeps_deadline: Whether the controller is told the deadline.
            condition: Its faults; None for the job's.
        """
        condition = self._job.condition if condition is None else condition
        self._driver.prepare(budget)
        if condition.clear:
            return self._run(self._plant, budget, index, keeps_deadline, condition)
        with faulty_plant(require_divisible(self._plant), condition, self._manifest) as plant:
            return self._run(plant, budget, index, keeps_deadline, condition)

    def _run(self, plant: Plant, budget: Budget, index: int, keeps_deadline: bool, condition: Condition) -> Episode:
        seeds = episode_seeds(self._job.seed, index)
        if self._job.clock == "lock-step":
            return run_lock_step(plant, self._driver, budget, seeds)
        driver = self._driver if keeps_deadline else IgnoringDeadline(self._driver)
        driver = faulty_driver(driver, condition, self._timing.clock)
        if self._job.clock == "charged":
            return run_charged(require_divisible(plant), driver, budget, seeds, self._timing)
        return run_real_time(plant, driver, budget, seeds, self._timing)

    def close(self) -> None:
        """Close plant and driver."""
        self._driver.close()
        self._plant.close()


def _stage_times(job: Job) -> StageTimes:
    if job.profile is None:
        return MeasuredTimes()
    return RecordedTimes(load_profile(job.profile, job.slow_down), ControllerSettings())
