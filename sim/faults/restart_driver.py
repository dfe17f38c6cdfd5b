"""A driver whose controller breaks down now and then, and begins anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver, Restartable
from sim.evaluation.real_time import Clock
from sim.faults.machine import ServerRestart
from sim.faults.severity import fault_generator
from vgf_robot.controller import Budget


@final
class RestartFaultDriver:
    """The `Driver` of a robot that goes on while there is nobody to ask.

    A break-down happens with the first request at its time or after it: in the middle of a tick there is none.
    """

    def __init__(
        self, driver: Driver, controller: Restartable, fault: ServerRestart, severity: float, clock: Clock
    ) -> None:
        """Let a controller break down.

        Args:
            driver: Asks it.
            controller: What breaks down.
            fault: When, and for how long.
            severity: In (0, 1].
            clock: Of the episode; waiting passes on it.
        """
        self._driver = driver
        self._controller = controller
        self._fault = fault
        self._down_ns = round(severity * fault.down_s * 1e9)
        self._clock = clock
        self._begin(0)

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode, its break-downs drawn anew."""
        self._driver.begin_episode(seed)
        self._begin(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action; None, at the deadline, where nobody is there."""
        self._break_down()
        if self._back_ns is not None and self._clock.now_ns() >= self._back_ns:
            self._back_ns = None
            self._controller.recover()
        there = self._back_ns is None and (deadline_ns is None or self._clock.now_ns() < deadline_ns)
        if there:
            return self._driver.act(observation, budget, deadline_ns)
        if deadline_ns is not None:
            self._clock.sleep_until(deadline_ns)
        return None

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()

    def _begin(self, seed: int) -> None:
        self._moments: Iterator[int] = self._fault.moments_ns(fault_generator(seed, self._fault))
        self._began_ns = self._clock.now_ns()
        self._next_ns = self._began_ns + next(self._moments)
        self._back_ns: int | None = None

    def _break_down(self) -> None:
        """Let the controller break down where that was due; of several that have passed, the last one counts."""
        now_ns, due_ns = self._clock.now_ns(), None
        while self._next_ns <= now_ns:
            due_ns, self._next_ns = self._next_ns, self._began_ns + next(self._moments)
        if due_ns is not None:
            self._controller.crash()
            self._back_ns = due_ns + self._down_ns
