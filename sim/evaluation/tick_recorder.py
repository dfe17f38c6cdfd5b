"""What ticks take in a real-time loop, recorded so that `charged` can play them on another clock."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.durations import Recording
from sim.evaluation.driver import Delivery, Driver
from sim.evaluation.real_time import Clock
from vgf_robot.controller import Budget, Timings


@final
class TickRecorder:
    """A `Driver`, and the `Clock` of its loop, that note every period in which the controller is told no deadline.

    Such ticks take every step of their budget. Each has its stages and the time before it: from its grid point, or from
    the end of the tick before where that was later, to its own start. A late wake-up is in it, and whatever kept the
    loop between two ticks. A period that was over before it could begin has no stages: they take 0.
    """

    def __init__(self, driver: Driver, clock: Clock) -> None:
        """Record what a driver does in a loop on a clock.

        Args:
            driver: In this process.
            clock: The machine's.
        """
        self.recording = Recording()
        self._driver = driver
        self._clock = clock
        self._free_ns = 0  # when the tick before had ended
        self._late_ns: int | None = None  # of a period that nobody has been asked for yet
        self._records = False

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return self._clock.now_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Sleep until a grid point, and see how late that ends."""
        self._note_skipped()
        self._clock.sleep_until(moment_ns)
        now_ns = self._clock.now_ns()
        self._late_ns = now_ns - max(moment_ns, self._free_ns)
        self._free_ns = now_ns

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode."""
        self._note_skipped()
        self._driver.begin_episode(seed)
        self._late_ns, self._records = None, False

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action, and note what it took where every step was taken."""
        late_ns, self._late_ns = self._late_ns, None
        answer = self._driver.act(observation, budget, deadline_ns)
        self._free_ns = self._clock.now_ns()
        self._records = deadline_ns is None and answer is not None
        if self._records and answer is not None and late_ns is not None:
            self.recording.note(late_ns, answer.command.timings)
        return answer

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()

    def _note_skipped(self) -> None:
        if self._records and self._late_ns is not None:
            num_steps = len(self.recording.timings[-1].step_ns)
            nothing = Timings(reference_ns=0, step_ns=(0,) * num_steps, select_ns=0, tick_ns=0)
            self.recording.note(self._late_ns, nothing)
