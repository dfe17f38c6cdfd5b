"""Episodes in which the plant goes on while the controller thinks: on the machine's clock or the simulation's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Driver
from sim.evaluation.episode import Episode
from sim.evaluation.real_time import RealTime, run_on_grid
from sim.plants import DivisiblePlant, Transition
from vgf_robot.controller import Budget
from vgf_robot.drive import Receiver


def run_with_latency(
    plant: DivisiblePlant, driver: Driver, budget: Budget, seeds: tuple[int, int], timing: RealTime
) -> Episode:
    """Run one episode in which an action takes effect when it arrives, and not before.

    Until then what is in force stays in force: the action of the period before, at the very beginning the bundle's
    safe action. The time is rounded up to whole physics steps. Where no action came by the deadline, what a robot's
    receiver falls back to takes effect then.

    Args:
        plant: What is controlled.
        driver: Who controls it; its time passes on the clock.
        budget: What each request may spend.
        seeds: The plant's and the controller's.
        timing: The grid; its clock is the machine's, or one of the simulation that the driver charges.
    """
    effect = _LateEffect(plant, timing)
    return run_on_grid(plant, driver, budget, seeds, timing, effect.simulate)


class _LateEffect:
    """Simulates a period in two parts: before the action of the period has arrived, and after."""

    def __init__(self, plant: DivisiblePlant, timing: RealTime) -> None:
        self._plant = plant
        self._timing = timing
        # Of one episode, like this object: what stands before its first action.
        self._standing: NDArray[np.float32] | None = Receiver(timing.manifest).without(timing.clock.now_ns())

    def simulate(self, action: NDArray[np.float32], grid_ns: int) -> Transition:
        """Simulate the period that began at the grid point."""
        timing = self._timing
        passed_ns = min(timing.clock.now_ns() - grid_ns, timing.deadline_ns)
        num_substeps = -(-passed_ns * self._plant.num_substeps // timing.period_ns)
        self._plant.apply_part(self._standing, min(num_substeps, self._plant.num_substeps))
        self._standing = None
        return self._plant.apply(action)
