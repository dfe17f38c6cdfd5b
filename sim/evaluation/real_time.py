"""Episodes against the clock: one period after the other on a fixed grid, whether or not an action came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Driver
from sim.evaluation.episode import NO_REPLY, SKIPPED_PERIOD, Episode, EpisodeLog
from sim.plants import Plant, Transition
from vgf_robot.bundle import Manifest
from vgf_robot.controller import Budget
from vgf_robot.drive import Receiver


class Clock(Protocol):
    """Monotonic time."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        ...

    def sleep_until(self, moment_ns: int) -> None:
        """Return at the moment or soon after; at once where it has passed."""
        ...


@final
class MonotonicClock:
    """The machine's monotonic clock, the one that deadlines are given on."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return time.monotonic_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Return at the moment or soon after; at once where it has passed."""
        while (left_ns := moment_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTime:
    """How the clock is kept.

    Attributes:
        manifest: The bundle's: its period is the grid's, its action kind says what happens without an action.
        deadline_share: Share of each period after which an action is too late, in (0, 1].
        clock: Monotonic.
        drift: The periods of the grid are longer than the control period by this share.
    """

    manifest: Manifest
    deadline_share: float
    clock: Clock
    drift: float = 0.0

    @property
    def period_ns(self) -> int:
        """One control period."""
        return round(self.manifest.control_period_s * 1e9)

    @property
    def grid_ns(self) -> int:
        """From one grid point to the next."""
        return round(self.manifest.control_period_s * (1 + self.drift) * 1e9)

    @property
    def deadline_ns(self) -> int:
        """From a grid point to the deadline of its action."""
        return round(self.deadline_share * self.manifest.control_period_s * 1e9)


Simulate = Callable[[NDArray[np.float32], int], Transition]
"""Simulates a period, given its action and its grid point in nanoseconds."""


def run_real_time(plant: Plant, driver: Driver, budget: Budget, seeds: tuple[int, int], timing: RealTime) -> Episode:
    """Run one episode on the grid start + k * period.

    The observation is taken at the grid point and the action is due at the deadline of that period. The plant then
    simulates the period with the action that is in force, as if it had been so from its beginning: the fresh one, or
    what a robot's receiver falls back to. `run_with_latency` does the same with a plant that goes on meanwhile.
    A period that is over before it could begin is skipped: it is simulated the same way and counted as a miss, but
    nobody is asked for it, so a delay is never followed by a burst of requests.

    Args:
        plant: What is controlled.
        driver: Who controls it.
        budget: What each request may spend.
        seeds: The plant's and the controller's.
        timing: The grid.
    """
    return run_on_grid(plant, driver, budget, seeds, timing, lambda action, _: plant.apply(action))


def run_on_grid(
    plant: Plant, driver: Driver, budget: Budget, seeds: tuple[int, int], timing: RealTime, simulate: Simulate
) -> Episode:
    """Run one episode whose periods are simulated in a way of their own; else as `run_real_time`.

    Args:
        plant: What is controlled.
        driver: Who controls it.
        budget: What each request may spend.
        seeds: The plant's and the controller's.
        timing: The grid.
        simulate: Simulates a period once its action is known.
    """
    plant_seed, controller_seed = seeds
    clock, log = timing.clock, EpisodeLog()
    observation = plant.reset(plant_seed)
    driver.begin_episode(controller_seed)
    grid_ns, done = clock.now_ns(), False
    exchange = _Exchange(driver, budget, Receiver(timing.manifest), log, clock)
    while not done:
        clock.sleep_until(grid_ns)
        transition = simulate(exchange.action(observation, grid_ns + timing.deadline_ns), grid_ns)
        log.period(transition)
        observation, done = transition.observation, transition.done
        grid_ns += timing.grid_ns
    return log.finish()


class _Exchange:
    """Asks for actions and says which one is in force."""

    def __init__(self, driver: Driver, budget: Budget, receiver: Receiver, log: EpisodeLog, clock: Clock) -> None:
        self._driver = driver
        self._budget = budget
        self._receiver = receiver
        self._log = log
        self._clock = clock

    def action(self, observation: NDArray[np.float32], due_ns: int) -> NDArray[np.float32]:
        """Return the action of the period whose deadline is given."""
        if self._clock.now_ns() >= due_ns:
            self._log.unanswered(SKIPPED_PERIOD)
            return self._receiver.without(due_ns)
        answer = self._driver.act(observation, self._budget, due_ns)
        arrival_ns = self._clock.now_ns()
        if answer is None:
            self._log.unanswered(NO_REPLY)
            return self._receiver.without(due_ns)
        self._log.answer(answer, in_time=arrival_ns <= due_ns)
        if arrival_ns > due_ns:
            return self._receiver.without(due_ns)
        return self._receiver.take(answer.command.action, valid_for_ns=answer.valid_for_ns, now_ns=arrival_ns)
