"""Stage durations played through the real controller on a clock of their own: the same machine, as often as asked.

What a recording says of a step holds for the ticks that took it; a controller that takes fewer finds the machine a
little less busy than it was, so a replay errs on the side of more misses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Selected, StepResult
from vgf_robot.bundle import Manifest
from vgf_robot.controller import Budget, Controller, ControllerSettings
from vgf_robot.controller.costs import MEDIAN, StageCost
from vgf_robot.controller.variant import VariantKey
from vgf_robot.errors import DatasetError
from vgf_robot.npz import read_arrays

Floats = NDArray[np.float32]
Nanoseconds = NDArray[np.int64]
_ARRAYS = ("late", "reference", "step", "select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long the stages of T ticks took, or would have taken, in nanoseconds.

    Attributes:
        period_ns: From one tick's grid point to the next one's.
        deadline_ns: From a grid point to its deadline.
        late: Shape (T,), from the grid point to the start of the tick.
        reference: Shape (T,).
        step: Shape (T, L).
        select: Shape (T,).
    """

    period_ns: int
    deadline_ns: int
    late: Nanoseconds
    reference: Nanoseconds
    step: Nanoseconds
    select: Nanoseconds

    @property
    def num_ticks(self) -> int:
        """T."""
        return len(self.late)

    @property
    def max_steps(self) -> int:
        """L."""
        return self.step.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of T ticks.

    Attributes:
        steps: Shape (T,), transport steps taken.
        missed: Shape (T,), whether there was no fresh action at the deadline.
        margin_ns: Shape (T,), after each tick.
        tick_ns: Shape (T,), from the start of each tick to its end; 0 where it was skipped.
    """

    steps: NDArray[np.int64]
    missed: NDArray[np.bool_]
    margin_ns: NDArray[np.float64]
    tick_ns: NDArray[np.int64]

    @property
    def miss_rate(self) -> float:
        """Share of the ticks that missed."""
        return float(self.missed.mean())

    @property
    def avoidable_miss_rate(self) -> float:
        """Share of the ticks that missed after a step, which fewer steps might have avoided."""
        return float((self.missed & (self.steps > 0)).mean())

    @property
    def mean_steps(self) -> float:
        """Steps per tick."""
        return float(self.steps.mean())


def save_durations(path: Path, durations: Durations) -> None:
    """Write durations to an npz file, rounded to microseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.rint(getattr(durations, name) / 1000).astype(np.int32) for name in _ARRAYS}
    np.savez_compressed(
        path, period_us=durations.period_ns // 1000, deadline_us=durations.deadline_ns // 1000, **arrays
    )


def load_durations(path: Path) -> Durations:
    """Read what `save_durations` wrote.

    Raises:
        DatasetError: The file is missing, damaged, or holds no durations.
    """
    advice = "record durations again."
    arrays = read_arrays(path, advice)
    wanted = {*_ARRAYS, "period_us", "deadline_us"}
    if set(arrays) != wanted:
        raise DatasetError(f"{path}: expected the arrays {sorted(wanted)}, found {sorted(arrays)}; {advice}")
    ns = {name: arrays[name].astype(np.int64) * 1000 for name in _ARRAYS}
    if ns["late"].ndim != 1 or ns["step"].ndim != 2 or {len(array) for array in ns.values()} != {len(ns["late"])}:
        shapes = {name: array.shape for name, array in ns.items()}
        raise DatasetError(f"{path}: expected one entry per tick in every array, found {shapes}; {advice}")
    return Durations(period_ns=int(arrays["period_us"]) * 1000, deadline_ns=int(arrays["deadline_us"]) * 1000, **ns)


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
    key: VariantKey = (point.num_particles, point.reference_steps)
    controller = Controller(manifest, {key: graphs}, settings, clock)
    controller.costs().step = StageCost(settings.window, step_quantile)
    episode, observation = controller.begin_episode(0), np.zeros(manifest.observation_size, np.float32)
    steps, margin_ns = np.zeros(durations.num_ticks, np.int64), np.zeros(durations.num_ticks)
    missed, tick_ns = np.zeros(durations.num_ticks, np.bool_), np.zeros(durations.num_ticks, np.int64)
    for tick in range(durations.num_ticks):
        grid_ns = tick * durations.period_ns
        due_ns = grid_ns + durations.deadline_ns
        clock.now_ns, clock.tick = max(clock.now_ns, grid_ns + int(durations.late[tick])), tick
        if clock.now_ns >= due_ns:  # a period that was over before it could begin is skipped
            missed[tick], margin_ns[tick] = True, controller.margin_ns()
            continue
        deadline_ns, began_ns = due_ns if anytime else None, clock.now_ns
        command = controller.tick(episode, observation, deadline_ns, Budget(max_steps=max_steps))
        steps[tick], margin_ns[tick] = command.steps, controller.margin_ns()
        missed[tick], tick_ns[tick] = not command.rung.fresh or clock.now_ns > due_ns, clock.now_ns - began_ns
    return Outcome(steps=steps, missed=missed, margin_ns=margin_ns, tick_ns=tick_ns)


def oracle_steps(durations: Durations) -> NDArray[np.int64]:
    """Return how many steps each tick could have taken in time, had its durations been known in advance, shape (T,)."""
    before = (durations.late + durations.reference + durations.select)[:, None]
    in_time = before + np.cumsum(durations.step, axis=1) <= durations.deadline_ns
    return np.where(in_time.any(axis=1), durations.max_steps - np.argmax(in_time[:, ::-1], axis=1), 0)


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
