"""A plant as a robot of the fixed-rate loop: its time is the clock's, and it is simulated when it is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.plants.catalogue import open_plant
from sim.plants.fit import require_fit
from sim.plants.plant import Plant
from vgf_robot.bundle import Manifest
from vgf_robot.drive import DriveCommand, Receiver, Sensed


def open_ports(manifest: Manifest, *, seed: int, clock: Callable[[], int]) -> PlantPorts:
    """Open the plant that a bundle was made for.

    Args:
        manifest: The bundle's.
        seed: The first episode's; each after it takes the next number.
        clock: Monotonic nanoseconds, the loop's clock.

    Raises:
        PlantError: There is no such plant, or the bundle does not fit it.
    """
    plant = open_plant(manifest.environment)
    try:
        require_fit(manifest, plant)
        return PlantPorts(manifest, plant, seed=seed, clock=clock)
    except BaseException:
        plant.close()
        raise


@final
class PlantPorts:
    """Sensor and actuator of a plant.

    The plant's periods follow the clock from the first look on. Looking simulates those that have passed: the first
    under the action that came in it, the others as a robot's receiver does without one. An episode that ends is
    followed by the next.

    Attributes:
        counters: `plant_periods`, `episodes` that ended, and `solved` ones among them.
    """

    def __init__(self, manifest: Manifest, plant: Plant, *, seed: int, clock: Callable[[], int]) -> None:
        self.counters: Counter[str] = Counter()
        self._plant = plant
        self._seed = seed
        self._clock = clock
        self._receiver = Receiver(manifest)
        self._period_ns = round(manifest.control_period_s * 1e9)
        self._observation = plant.reset(seed)
        self._start_ns: int | None = None
        self._action: NDArray[np.float32] | None = None
        self._solved = False

    def newest(self) -> Sensed | None:
        """Return what the plant is like now; its sequence is the number of periods that have passed."""
        now_ns = self._clock()
        if self._start_ns is None:
            self._start_ns = now_ns
        # The loop that looks wakes up a little late, the first time perhaps a little later than the next.
        passed = (now_ns - self._start_ns + self._period_ns // 10) // self._period_ns
        self._simulate(passed, now_ns)
        return Sensed(observation=self._observation, sequence=passed, taken_ns=now_ns)

    def send(self, command: DriveCommand) -> None:
        """Put an action in force for the period under way."""
        now_ns = self._clock()
        if self._start_ns is not None:
            self._simulate((now_ns - self._start_ns) // self._period_ns, now_ns)
        self._action = self._receiver.take(command.action, valid_for_ns=command.valid_for_ns, now_ns=now_ns)

    def close(self) -> None:
        """Release the simulator."""
        self._plant.close()

    def _simulate(self, num_periods: int, now_ns: int) -> None:
        """Simulate until so many periods have passed since the first look."""
        while self.counters["plant_periods"] < num_periods:
            action = self._receiver.without(now_ns) if self._action is None else self._action
            self._action = None
            self._simulate_period(action)
            self.counters["plant_periods"] += 1

    def _simulate_period(self, action: NDArray[np.float32]) -> None:
        transition = self._plant.apply(action)
        self._observation = transition.observation
        self._solved = self._solved or bool(transition.success)
        if transition.done:
            self.counters["episodes"] += 1
            self.counters["solved"] += self._solved
            self._solved = False
            self._seed += 1
            self._observation = self._plant.reset(self._seed)
