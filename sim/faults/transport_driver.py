"""A driver whose messages take their time or get lost."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver
from sim.evaluation.real_time import Clock
from sim.evaluation.transport_estimate import TransportEstimate
from sim.faults.fault_set import FaultSet
from sim.faults.severity import fault_generator
from sim.faults.transport import Draw
from vgf_robot.controller import Budget


@final
class TransportFaultDriver:
    """The `Driver` at the robot's end of a bad connection.

    As over a real one, the controller is told a deadline from which the time that messages mostly take is kept back.
    Who asks waits for a lost message until the deadline.
    """

    def __init__(self, driver: Driver, faults: FaultSet, severity: float, clock: Clock) -> None:
        """Put a connection before a driver.

        Args:
            driver: At the other end.
            faults: Those of the transport count.
            severity: In (0, 1].
            clock: Of the episode; waiting passes on it.
        """
        self._driver = driver
        self._jitter = faults.transport_jitter
        self._loss = faults.packet_loss
        self._severity = severity
        self._clock = clock
        self._draw_faults(0)

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode, its faults drawn anew."""
        self._draw_faults(seed)
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action over the connection; None where a message got lost."""
        sent_ns = self._clock.now_ns()
        under_way_ns = 0 if self._draw is None else self._draw()
        there_ns = under_way_ns // 2
        request_lost, reply_lost = self._lost(), self._lost()
        self._clock.sleep_until(sent_ns + there_ns)
        if request_lost:
            return self._wait_in_vain(deadline_ns)
        answer = self._driver.act(observation, budget, self._deadline_there(sent_ns, there_ns, deadline_ns))
        self._clock.sleep_until(self._clock.now_ns() + under_way_ns - there_ns)
        if reply_lost or answer is None:
            return self._wait_in_vain(deadline_ns)
        self._estimate.note(under_way_ns)
        return replace(answer, round_trip_ns=self._clock.now_ns() - sent_ns)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()

    def _draw_faults(self, seed: int) -> None:
        self._draw: Draw | None = None
        if self._jitter is not None:
            self._draw = self._jitter.draws(self._severity, fault_generator(seed, self._jitter))
        self._losses = None if self._loss is None else fault_generator(seed, self._loss)
        self._estimate = TransportEstimate()

    def _lost(self) -> bool:
        if self._loss is None or self._losses is None:
            return False
        return bool(self._losses.random() < self._severity * self._loss.probability)

    def _deadline_there(self, sent_ns: int, there_ns: int, deadline_ns: int | None) -> int | None:
        """Return the deadline as the controller counts it: from the arrival of the request."""
        if deadline_ns is None:
            return None
        return deadline_ns + there_ns - round(self._estimate.kept_back_ns(deadline_ns - sent_ns))

    def _wait_in_vain(self, deadline_ns: int | None) -> None:
        if deadline_ns is not None:
            self._clock.sleep_until(deadline_ns)
