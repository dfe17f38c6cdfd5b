"""What each stage of a tick is charged: the time that it took here, or that it took on another device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from sim.durations import Durations, replay
from sim.evaluation.device_profile import Compute, DeviceTimes, with_steps
from sim.evaluation.interruptions import Interruption, untangle
from vgf_robot.bundle import Manifest, OperatingPoint
from vgf_robot.controller import Budget, Controller, ControllerSettings

_LEAST_STEPS = 2  # a warm-up takes as many, whatever the cap
_DEADLINES = 64  # told apart in one control period
_A_WHILE = 1000  # ticks: a margin that nothing raises has come down five times by then


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

    def recall_margin(self, controller: Controller, budget: Budget, deadline_ns: int) -> None:
        """Tell a controller, before its first tick with a deadline, what margin it would have learned by now.

        Args:
            controller: The episode's.
            budget: What will be asked of it.
            deadline_ns: From a grid point to the deadline of its action.
        """
        ...

    def begin_period(self, period: int) -> int:
        """Return what passes before the tick of a period, whether or not there will be one.

        It passes from the grid point on, or from the end of the period before if that is later.

        Args:
            period: Control periods since the episode began.
        """
        ...

    def interruptions(self) -> Sequence[Interruption]:
        """Return when, in the period that has begun, the core is taken away, whoever has it then."""
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

    def recall_margin(self, controller: Controller, budget: Budget, deadline_ns: int) -> None:
        """What these times will be is not known: the controller learns."""

    def begin_period(self, period: int) -> int:
        """Return what the tick before took beside its stages."""
        del period
        self._stages_ns, beside_ns, self._beside_ns = 0, self._beside_ns, 0
        return beside_ns

    def interruptions(self) -> Sequence[Interruption]:
        """Return none: what interrupts this machine is in the times that it takes."""
        return ()

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

    Every control period has its place in the recording, whether or not it is skipped: what disturbs a machine comes in
    bursts, and those stay as long as they were. What takes the core away comes at the time at which it was recorded,
    whatever it hits: another stage, or nobody, since fewer steps are taken here.

    A controller on the device would have run for a while when an episode begins. So it begins with the costs of the
    ticks before the drawn one, and with the margin that the recording, played over and over, has taught by then.
    """

    def __init__(self, times: DeviceTimes, compute: Compute, settings: ControllerSettings) -> None:
        self._times = times
        self._compute = compute
        self._settings = settings
        self._margins: dict[tuple[int, int, int, int], NDArray[np.float64]] = {}
        self._untangled: dict[tuple[int, int, int], tuple[Durations, Sequence[Sequence[Interruption]]]] = {}
        self._first = self._tick = 0

    def begin_episode(self, controller: Controller, budget: Budget, seed: int) -> None:
        """Draw where the recording begins, and tell the controller what the ticks before took."""
        point = controller.point(budget)
        recorded = self._times.of(point.num_particles, point.reference_steps, self._compute)
        recorded = with_steps(recorded, max(point.max_steps, recorded.max_steps, _LEAST_STEPS))
        key = point.num_particles, point.reference_steps, recorded.max_steps
        if key not in self._untangled:
            self._untangled[key] = untangle(recorded)
        self._costs, self._interruptions = self._untangled[key]
        self._first = int(np.random.default_rng(seed).integers(recorded.num_ticks))
        self._recall_costs(controller, budget, recorded, self._first)
        self._tick = self._first - 1

    def recall_margin(self, controller: Controller, budget: Budget, deadline_ns: int) -> None:
        """Tell the controller what the recording has taught by the tick before the first."""
        margins = self._learned_margins(controller.manifest, controller.point(budget), deadline_ns)
        controller.recall_margin(float(margins[self._tick]), budget)

    def begin_period(self, period: int) -> int:
        """Return what passed before the recorded tick."""
        self._tick = (self._first + period) % self._costs.num_ticks
        return int(self._costs.late[self._tick])

    def interruptions(self) -> Sequence[Interruption]:
        """Return those of the recorded tick."""
        return self._interruptions[self._tick]

    def reference(self, took_ns: int) -> int:
        """Return what it costs."""
        del took_ns
        return int(self._costs.reference[self._tick])

    def step(self, index: int, took_ns: int) -> int:
        """Return what it costs."""
        del took_ns
        return int(self._costs.step[self._tick, index])

    def select(self, took_ns: int) -> int:
        """Return what it costs."""
        del took_ns
        return int(self._costs.select[self._tick])

    def end_tick(self, took_ns: int) -> None:
        """What it took here does not matter."""

    def _recall_costs(self, controller: Controller, budget: Budget, recorded: Durations, first: int) -> None:
        costs = controller.costs(budget)
        for tick in np.arange(first - self._settings.window, first) % recorded.num_ticks:
            costs.reference.record(int(recorded.reference[tick]))
            for duration_ns in recorded.step[tick]:
                costs.step.record(int(duration_ns))
            costs.select.record(int(recorded.select[tick]))

    def _learned_margins(self, manifest: Manifest, point: OperatingPoint, deadline_ns: int) -> NDArray[np.float64]:
        """Return the margin after every tick of the recording, shape (T,), once the controller has run for a while."""
        period_ns = round(manifest.control_period_s * 1e9)
        # Over a connection every episode begins with a deadline of its own: near ones share what they teach.
        grain_ns = max(1, period_ns // _DEADLINES)
        key = (point.num_particles, point.reference_steps, point.max_steps, round(deadline_ns / grain_ns))
        if key not in self._margins:
            recorded = self._times.of(point.num_particles, point.reference_steps, self._compute)
            played = replace(with_steps(recorded, point.max_steps), period_ns=period_ns, deadline_ns=deadline_ns)
            if always_fits(played, self._settings):
                self._margins[key] = np.zeros(recorded.num_ticks)
            else:
                outcome = replay(manifest, after_a_while(played), self._settings)
                self._margins[key] = outcome.margin_ns[-recorded.num_ticks :]
        return self._margins[key]


def always_fits(durations: Durations, settings: ControllerSettings) -> bool:
    """Return whether every step of every tick fits with room to spare: the longest of each stage, and a margin."""
    step_ns = int(durations.step.max(initial=0)) * durations.max_steps
    longest_ns = sum(int(stage.max()) for stage in (durations.late, durations.reference, durations.select)) + step_ns
    return longest_ns + settings.margin_rise * durations.period_ns < durations.deadline_ns


def after_a_while(durations: Durations) -> Durations:
    """Return durations over and over: the last time counts, those before it are there to be learned from."""
    times = 1 + math.ceil(_A_WHILE / durations.num_ticks)
    stages = ("late", "reference", "step", "select")
    return replace(durations, **{name: np.concatenate([getattr(durations, name)] * times) for name in stages})
