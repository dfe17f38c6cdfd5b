"""An evaluation as data that travels to worker processes, and the rig that runs its episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from sim.evaluation.driver import Driver, InProcess
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.lock_step import run_lock_step
from sim.evaluation.modes import IgnoringDeadline, Way
from sim.evaluation.real_time import MonotonicClock, RealTime, run_real_time
from sim.plants import Plant, open_plant, require_fit
from vgf_robot.bundle import Bundle

ClockName = Literal["lock-step", "real-time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every episode of an evaluation has in common.

    Attributes:
        bundle: The bundle's folder.
        environment: The plant's name.
        backend: Name of the backend.
        threads: Threads of the backend.
        seed: Every setting sees the episodes that follow from it.
        clock: Whether the plant waits for the controller.
        deadline_share: Share of the control period, in (0, 1]; counts in real time only.
        open_plant: Opens the plant by its name.
    """

    bundle: Path
    environment: str
    backend: str
    threads: int
    seed: int
    clock: ClockName
    deadline_share: float
    open_plant: Callable[[str], Plant] = open_plant


@final
class Rig:
    """A plant and a driver, opened once and used for many episodes."""

    def __init__(self, job: Job, plant: Plant, driver: Driver, bundle: Bundle) -> None:
        self._job = job
        self._plant = plant
        self._driver = driver
        self._timing = RealTime(manifest=bundle.manifest, deadline_share=job.deadline_share, clock=MonotonicClock())

    @classmethod
    def open(cls, job: Job, connect: Callable[[Bundle], Driver] | None = None) -> Rig:
        """Open the plant, check that the bundle fits it, and open the driver.

        Args:
            job: The evaluation.
            connect: Opens the driver; None opens a controller in this process.

        Raises:
            BundleError: The bundle is damaged.
            PlantError: There is no such plant, or the bundle does not fit it.
        """
        bundle = Bundle.load(job.bundle)
        plant = job.open_plant(job.environment)
        try:
            require_fit(bundle.manifest, plant)
            driver = InProcess.open(bundle, job.backend, job.threads) if connect is None else connect(bundle)
        except BaseException:
            plant.close()
            raise
        return cls(job, plant, driver, bundle)

    def run(self, way: Way, index: int) -> Episode:
        """Run one episode.

        Args:
            way: What each request may spend, and whether the controller is told the deadline.
            index: The episode's number, from which its seeds follow.
        """
        setting, keeps_deadline = way
        budget, seeds = setting.budget(), episode_seeds(self._job.seed, index)
        self._driver.prepare(budget)
        if self._job.clock == "lock-step":
            return run_lock_step(self._plant, self._driver, budget, seeds)
        driver = self._driver if keeps_deadline else IgnoringDeadline(self._driver)
        return run_real_time(self._plant, driver, budget, seeds, self._timing)

    def close(self) -> None:
        """Close plant and driver."""
        self._driver.close()
        self._plant.close()
