"""An evaluation as data that travels to worker processes, and the rig that runs its episodes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, final

from sim.evaluation.charged_driver import ChargedDriver
from sim.evaluation.device_profile import Compute, load_times, samples_of
from sim.evaluation.driver import Driver, InProcess, Restartable
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.latency import run_with_latency
from sim.evaluation.lock_step import run_lock_step
from sim.evaluation.modes import IgnoringDeadline, Way
from sim.evaluation.near_data import NearData
from sim.evaluation.neighbours import Neighbours
from sim.evaluation.real_time import Clock, MonotonicClock, RealTime
from sim.evaluation.simulated_clock import SimulatedClock
from sim.evaluation.stage_times import MeasuredTimes, RecordedTimes, StageTimes
from sim.evaluation.tick_recorder import TickRecorder
from sim.faults import CLEAR, Condition, faulty_driver, faulty_machine, faulty_plant, require_applicable
from sim.plants import Plant, open_plant, require_divisible, require_fit
from vgf_robot.bench import collector_as_when_serving
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, ControllerSettings
from vgf_robot.errors import ConfigError
from vgf_robot.profile import DeviceProfile
from vgf_robot.receipts import split_name
from vgf_robot.results import device_facts

ClockName = Literal["lock-step", "real-time", "charged"]
# What repeats on the machine at a rate of its own, such as the timer tick of its kernel, at which a loaded one changes
# between processes, meets every part of the period within a thousand periods, and not always the same one.
_DRIFT = 1e-3


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
        record: Whether what ticks take is recorded, for the clock `real-time`.
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
    record: bool = False
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

    def __init__(
        self,
        job: Job,
        plant: Plant,
        driver: Driver,
        bundle: Bundle,
        clock: Clock,
        controller: Restartable | None = None,
    ) -> None:
        recorder = TickRecorder(driver, clock) if job.record else None
        self._job = job
        self._plant = plant
        self._driver = recorder or driver
        self._controller = controller
        self._recorder = recorder
        self._bundle = bundle
        self._manifest = bundle.manifest
        self._clock = clock
        self._timing = RealTime(
            manifest=bundle.manifest,
            deadline_share=job.deadline_share,
            # How late the loop wakes up is recorded, and played, by who is its clock; faults have a clock without that.
            clock=recorder or (controller if isinstance(controller, ChargedDriver) else clock),
            drift=_DRIFT if job.clock == "real-time" else 0.0,
        )

    @classmethod
    def open(
        cls, job: Job, connect: Callable[[Bundle], Driver] | None = None, server: Restartable | None = None
    ) -> Rig:
        """Open the plant, check that the bundle fits it, and open the driver.

        Args:
            job: The evaluation.
            connect: Opens the driver; None opens a controller in this process.
            server: What the driver is connected to; None where it is not this evaluation's.

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
                driver = controller = ChargedDriver(bundle, job.backend, job.threads, clock, _stage_times(job, bundle))
            elif connect is None:
                clock = MonotonicClock()
                driver = controller = InProcess.open(bundle, job.backend, job.threads)
            else:
                clock, driver, controller = MonotonicClock(), connect(bundle), server
            if job.data is not None:
                driver = NearData(driver, Neighbours.read(job.data, bundle.manifest))
        except BaseException:
            plant.close()
            raise
        rig = cls(job, plant, driver, bundle, clock, controller)
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
            require_applicable(
                plant,
                condition.faults,
                self._manifest,
                has_deadline=has_deadline,
                own_machine=self._controller is not None,
            )

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
        driver = faulty_driver(driver, condition, self._clock, self._controller)
        seeds = episode_seeds(self._job.seed, index)
        if condition.clear:
            return self._run(self._plant, driver, budget, seeds, timing)
        divisible = require_divisible(self._plant)
        with (
            faulty_machine(self._clock, condition, seeds[1]),
            faulty_plant(divisible, condition, self._manifest) as plant,
        ):
            return self._run(plant, driver, budget, seeds, timing)

    def recorded(self) -> DeviceProfile:
        """Return what the ticks have taken that took every step of the bundle's budget whatever the time.

        Raises:
            ConfigError: There are none.
        """
        recording = None if self._recorder is None else self._recorder.recording
        if recording is None or not recording.timings:
            raise ConfigError("No tick was recorded; run the clock real-time with its three modes, and record.")
        point, timing = self._manifest.operating_point, self._timing
        durations = recording.durations(timing.period_ns, timing.deadline_ns, 0)
        samples = samples_of(durations, point.num_particles, point.reference_steps, _compute(self._job, self._bundle))
        return DeviceProfile(device=device_facts(), bundle=self._manifest.name, stages=(samples,))

    def _run(self, plant: Plant, driver: Driver, budget: Budget, seeds: tuple[int, int], timing: RealTime) -> Episode:
        if self._job.clock == "lock-step":
            return run_lock_step(plant, self._driver, budget, seeds)
        with collector_as_when_serving() if self._job.clock == "real-time" else nullcontext():
            return run_with_latency(require_divisible(plant), driver, budget, seeds, timing)

    def close(self) -> None:
        """Close plant and driver."""
        self._driver.close()
        self._plant.close()


def _stage_times(job: Job, bundle: Bundle) -> StageTimes:
    if job.profile is None:
        return MeasuredTimes()
    times = load_times(job.profile, job.slow_down)
    return RecordedTimes(times, _compute(job, bundle), ControllerSettings())


def _compute(job: Job, bundle: Bundle) -> Compute:
    backend, precision = split_name(job.backend)
    return Compute(backend, job.precision or precision or bundle.manifest.variants[0].precision, job.threads)
