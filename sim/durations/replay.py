"""Stage durations played through the real controller on a clock of their own: the same machine, as often as asked.

What a recording says of a step holds for the ticks that took it; a controller that takes fewer finds the machine a
little less busy than it was, so a replay errs on the side of more misses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sim.durations.durations import Durations
from vgf_robot.backends import Selected, StepResult
from vgf_robot.bundle import Manifest
from vgf_robot.controller import MEDIAN, Budget, Controller, ControllerSettings, StageCost

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of T ticks.

    Attributes:
        steps: Shape (T,), transport steps taken.
        missed: Shape (T,), whether there was no fresh action at the deadline.
        avoidable: Shape (T,), whether fewer steps might have kept it: a tick that missed took steps, or the one before
            it did and lasted beyond this one's deadline.
        margin_ns: Shape (T,), after each tick.
        tick_ns: Shape (T,), from the start of each tick to its end; 0 where it was skipped.
    """

    steps: NDArray[np.int64]
    missed: NDArray[np.bool_]
    avoidable: NDArray[np.bool_]
    margin_ns: NDArray[np.float64]
    tick_ns: NDArray[np.int64]

    @property
    def miss_rate(self) -> float:
        """Share of the ticks that missed."""
        return float(self.missed.mean())

    @property
    def avoidable_miss_rate(self) -> float:
        """Share of the ticks that missed and that fewer steps might have kept."""
        return float(self.avoidable.mean())

    @property
    def mean_steps(self) -> float:
        """Steps per tick."""
        return float(self.steps.mean())


def replay(
    manifest: Manifest,
    durations: Durations,
    settings: ControllerSettings,
    *,
    max_steps: int | None = None,
    anytime: bool = True,
    step_quantile: float = MEDIAN,
) -> Outcome:
    """Run a controller through recorded or invented durations.

    Args:
        manifest: Any bundle's; only its sizes matter.
        durations: What each stage will take.
        settings: How the controller estimates time; without a warm-up, as it knows nothing when the replay starts.
        max_steps: Steps at most; None for all there are durations of.
        anytime: Whether the controller knows its deadline; without, every tick takes every step.
        step_quantile: Quantile that counts as the cost of a step, the controller's own by default.
    """
    clock = _Clock()
    manifest = _retimed(manifest, durations)
    point = manifest.operating_point
    graphs = _TimedGraphs(clock, durations, point.num_particles, manifest.action_size)
    variants = {(point.num_particles, point.reference_steps): graphs}
    controller = Controller(manifest, variants, settings, clock)
    controller.costs().step = StageCost(settings.window, step_quantile)
    episode, observation = controller.begin_episode(0), np.zeros(manifest.observation_size, np.float32)
    steps, margin_ns = np.zeros(durations.num_ticks, np.int64), np.zeros(durations.num_ticks)
    missed, avoidable = np.zeros(durations.num_ticks, np.bool_), np.zeros(durations.num_ticks, np.bool_)
    tick_ns, stepped_until_ns = np.zeros(durations.num_ticks, np.int64), 0
    for tick in range(durations.num_ticks):
        grid_ns = tick * durations.period_ns
        due_ns = grid_ns + durations.deadline_ns
        clock.now_ns, clock.tick = max(clock.now_ns, grid_ns + int(durations.late[tick])), tick
        if clock.now_ns >= due_ns:  # a period that was over before it could begin is skipped
            missed[tick], margin_ns[tick] = True, controller.margin_ns()
            avoidable[tick] = stepped_until_ns >= due_ns
            continue
        deadline_ns, began_ns = due_ns if anytime else None, clock.now_ns
        command = controller.tick(episode, observation, deadline_ns, Budget(max_steps=max_steps))
        steps[tick], margin_ns[tick] = command.steps, controller.margin_ns()
        missed[tick], tick_ns[tick] = not command.rung.fresh or clock.now_ns > due_ns, clock.now_ns - began_ns
        avoidable[tick] = missed[tick] and command.steps > 0
        stepped_until_ns = clock.now_ns if command.steps else 0
    return Outcome(steps=steps, missed=missed, avoidable=avoidable, margin_ns=margin_ns, tick_ns=tick_ns)


@dataclass(slots=True)
class _Clock:
    """Nanoseconds that pass only when a stage says so."""

    now_ns: int = 0
    tick: int = 0

    def __call__(self) -> int:
        return self.now_ns


@final
class _TimedGraphs:
    """Graphs that compute nothing and take the time of the clock's tick."""

    def __init__(self, clock: _Clock, durations: Durations, num_particles: int, action_size: int) -> None:
        self._clock = clock
        self._durations = durations
        self._particles: Floats = np.zeros((num_particles, action_size), np.float32)
        self._values: Floats = np.zeros(num_particles, np.float32)
        self._action: Floats = np.zeros(action_size, np.float32)

    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Let the reference's time pass."""
        del observation, noise
        self._clock.now_ns += int(self._durations.reference[self._clock.tick])
        return self._particles

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Let the step's time pass."""
        del observation, origin, step_size, max_distance
        self._clock.now_ns += int(self._durations.step[self._clock.tick, step_index])
        return StepResult(particles, first_moment, second_moment, self._values, self._values)

    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Let the selection's time pass."""
        del observation, particles, selection_noise, value_weight
        self._clock.now_ns += int(self._durations.select[self._clock.tick])
        return Selected(self._action, 0, self._values, 0.0)


def _retimed(manifest: Manifest, durations: Durations) -> Manifest:
    # What a step gains is in no recording: every step that fits is taken.
    point = msgspec.structs.replace(manifest.operating_point, max_steps=durations.max_steps, min_gain=None)
    return msgspec.structs.replace(manifest, control_period_s=durations.period_ns / 1e9, operating_point=point)
