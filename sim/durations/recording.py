"""What the stages of a tick take on this device while it keeps time, recorded to be played elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from sim.durations.durations import Durations, Nanoseconds
from vgf_robot.bench import BenchSettings, collector_as_when_serving, observations_in_range, require_full_tick
from vgf_robot.controller import Budget, Controller, Timings


@dataclass(slots=True)
class Recording:
    """Ticks that took every step of one budget, as they come.

    Attributes:
        late_ns: From when each tick was to begin to its start.
        timings: Of the ticks.
    """

    late_ns: list[int] = field(default_factory=list[int])
    timings: list[Timings] = field(default_factory=list[Timings])

    def note(self, late_ns: int, timings: Timings) -> None:
        """Add a tick."""
        self.late_ns.append(late_ns)
        self.timings.append(timings)

    def durations(self, period_ns: int, deadline_ns: int, step_ns: int) -> Durations:
        """Return the ticks as durations; what a tick does beside its stages counts with the selection.

        Args:
            period_ns: From one grid point to the next.
            deadline_ns: From a grid point to its deadline.
            step_ns: Stands in for a step where the budget has none.
        """
        reference = _array([each.reference_ns for each in self.timings])
        step = np.array([each.step_ns for each in self.timings], np.int64).reshape(len(self.timings), -1)
        select = _array([each.tick_ns for each in self.timings]) - reference - step.sum(axis=1)
        return Durations(
            period_ns=period_ns,
            deadline_ns=deadline_ns,
            late=_array(self.late_ns),
            reference=reference,
            step=step if step.shape[1] else np.full((len(self.timings), 1), step_ns, np.int64),
            select=select,
        )


@final
class Pace:
    """Waits between ticks, and says how late each wait ended.

    Not a grid: a wake-up that is late by many periods is one late wake-up, and a tick that takes long makes none.

    Args:
        pace_ns: From the start of one tick to that of the next.
        clock: Returns monotonic nanoseconds.
        sleep: Sleeps for a time in seconds, or for longer.
    """

    def __init__(
        self,
        pace_ns: int,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._pace_ns = pace_ns
        self._clock = clock
        self._sleep = sleep
        self._began_ns = clock()

    def wait(self) -> int:
        """Return, once it is time for the next tick, how late that is in nanoseconds; 0 where there was no wait."""
        due_ns = self._began_ns + self._pace_ns
        now_ns = self._clock()
        waits = now_ns < due_ns
        while now_ns < due_ns:
            self._sleep((due_ns - now_ns) / 1e9)
            now_ns = self._clock()
        self._began_ns = now_ns
        return now_ns - due_ns if waits else 0


def record(
    controller: Controller,
    budget: Budget,
    settings: BenchSettings,
    wait: Callable[[], int],
    after_tick: Callable[[int], object] | None = None,
) -> Recording:
    """Run ticks one by one, each after a wait, with every step of a budget and without a deadline.

    A tick after a wait finds colder caches, and perhaps a slower clock rate, than one that follows another at once. On
    a robot every tick comes after a wait.

    Args:
        controller: Warmed up for the budget.
        budget: Its cap is what every tick takes.
        settings: How many ticks.
        wait: Waits for the next tick's time, and returns how late it is met, in nanoseconds.
        after_tick: Called after each tick, in its waiting time, with their number so far.

    Raises:
        BundleError: A tick had to fall back, so that its time says nothing.
    """
    observations = observations_in_range(controller.manifest, np.random.default_rng(settings.seed))
    episode, recording = controller.begin_episode(settings.seed), Recording()
    steps = controller.point(budget).max_steps
    with collector_as_when_serving():
        for count in range(settings.warm_up_ticks + settings.ticks):
            observation = next(observations)
            late_ns = wait()
            command = controller.tick(episode, observation, None, budget)
            require_full_tick(command, steps)
            if count >= settings.warm_up_ticks:
                recording.note(late_ns, command.timings)
            if after_tick is not None:
                after_tick(count + 1)
    return recording


def _array(values: Sequence[int]) -> Nanoseconds:
    return np.array(values, np.int64)
