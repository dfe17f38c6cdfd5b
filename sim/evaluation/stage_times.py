"""What each stage of a tick is charged: the time that it took here, or that it took on another device."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np

from sim.evaluation.device_profile import DeviceProfile
from vgf_robot.controller import Budget, Controller, ControllerSettings


class StageTimes(Protocol):
    """Says what a stage costs in the simulation, in nanoseconds."""

    def begin_episode(self, controller: Controller, budget: Budget, seed: int) -> None:
        """Make an episode's controller acquainted with the costs, as its warm-up would.

        Args:
            controller: Fresh; its clock is the simulation's.
            budget: What will be asked of it.
            seed: The controller's, from which everything random follows.
        """
        ...

    def begin_tick(self) -> int:
        """Return what passes before the tick."""
        ...

    def reference(self, took_ns: int) -> int:
        """Return the reference's time; it took this long here."""
        ...

    def step(self, index: int, took_ns: int) -> int:
        """Return the time of a step, the first of which has index 0."""
        ...

    def select(self, took_ns: int) -> int:
        """Return the selection's time."""
        ...

    def end_tick(self, took_ns: int) -> None:
        """Note how long the whole tick took here."""
        ...


@final
class MeasuredTimes:
    """The times of this run on this machine. What a tick took beside its stages is charged before the next one."""

    def __init__(self) -> None:
        self._stages_ns = 0
        self._beside_ns = 0

    def begin_episode(self, controller: Controller, budget: Budget, seed: int) -> None:
        """Warm up."""
        del budget, seed
        controller.warm_up()
        self._beside_ns = 0

    def begin_tick(self) -> int:
        """Return what the tick before took beside its stages."""
        self._stages_ns = 0
        return self._beside_ns

    def reference(self, took_ns: int) -> int:
        """Return the time."""
        return self._noted(took_ns)

    def step(self, index: int, took_ns: int) -> int:
        """Return the time."""
        del index
        return self._noted(took_ns)

    def select(self, took_ns: int) -> int:
        """Return the time."""
        return self._noted(took_ns)

    def end_tick(self, took_ns: int) -> None:
        """Note what the tick took beside its stages."""
        self._beside_ns = max(0, took_ns - self._stages_ns)

    def _noted(self, took_ns: int) -> int:
        self._stages_ns += took_ns
        return took_ns


@final
class RecordedTimes:
    """The times of a device profile, in their order from a tick on that the seed draws, and round again.

    What came before that tick makes up the costs that the controller knows at the start.
    """

    def __init__(self, profile: DeviceProfile, settings: ControllerSettings) -> None:
        self._profile = profile
        self._num_known = settings.measured_ticks
        self._tick = 0

    def begin_episode(self, controller: Controller, budget: Budget, seed: int) -> None:
        """Draw where the recording begins, and tell the controller what came before."""
        profile, costs = self._profile, controller.costs(budget)
        first = int(np.random.default_rng(seed).integers(profile.num_ticks))
        for tick in np.arange(first - self._num_known, first) % profile.num_ticks:
            costs.reference.record(int(profile.reference[tick]))
            for duration_ns in profile.step[tick, :2]:  # as many as a warm-up takes
                costs.step.record(int(duration_ns))
            costs.select.record(int(profile.select[tick]))
        self._tick = first - 1

    def begin_tick(self) -> int:
        """Return the overhead of the next tick of the recording."""
        self._tick = (self._tick + 1) % self._profile.num_ticks
        return int(self._profile.overhead[self._tick])

    def reference(self, took_ns: int) -> int:
        """Return the recorded time."""
        del took_ns
        return int(self._profile.reference[self._tick])

    def step(self, index: int, took_ns: int) -> int:
        """Return the recorded time; that of the last step for those beyond it."""
        del took_ns
        steps = self._profile.step[self._tick]
        return int(steps[min(index, len(steps) - 1)])

    def select(self, took_ns: int) -> int:
        """Return the recorded time."""
        del took_ns
        return int(self._profile.select[self._tick])

    def end_tick(self, took_ns: int) -> None:
        """What it took here does not matter."""
