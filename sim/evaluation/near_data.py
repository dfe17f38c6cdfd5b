"""A driver whose answers say how far they are from the data."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver
from sim.evaluation.neighbours import Neighbours
from vgf_robot.controller import Budget


@final
class NearData:
    """A `Driver` that looks each answer up in a dataset; for clocks that stand still meanwhile."""

    def __init__(self, driver: Driver, neighbours: Neighbours) -> None:
        self._driver = driver
        self._neighbours = neighbours

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode."""
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action, and look it up."""
        answer = self._driver.act(observation, budget, deadline_ns)
        if answer is None:
            return None
        return replace(answer, data_distance=self._neighbours.distance(observation, answer.command.action))

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()
