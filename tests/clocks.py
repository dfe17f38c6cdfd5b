"""A clock that tests move by hand, and graphs that take exactly as long as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from vgf_robot.backends import Selected, StepResult

MS = 1_000_000


@dataclass
class FakeClock:
    """Nanoseconds that pass only when a test says so; call it to read it."""

    now_ns: int = 0

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


def always(duration_ns: int) -> Callable[[], int]:
    """Every call takes this long."""
    return lambda: duration_ns


def scripted(durations_ns: Iterable[int], then_ns: int) -> Callable[[], int]:
    """The first calls take these times, all later ones `then_ns`."""
    remaining = iter(durations_ns)
    return lambda: next(remaining, then_ns)


@dataclass
class FakeGraphs:
    """Graphs of one variant known by hand: particles are the noise, a step adds step_size, the value is their sum.

    Each call advances the clock by its script; `calls` notes what ran, and the noise that was seen.
    """

    clock: FakeClock
    num_particles: int = 4
    action_size: int = 2
    reference_cost: Callable[[], int] = field(default_factory=lambda: always(2 * MS))
    step_cost: Callable[[], int] = field(default_factory=lambda: always(1 * MS))
    select_cost: Callable[[], int] = field(default_factory=lambda: always(1 * MS))
    action: Callable[[np.ndarray], np.ndarray] = lambda particle: particle
    calls: list[str] = field(default_factory=list)
    noises: list[np.ndarray] = field(default_factory=list)
    selection_noises: list[np.ndarray] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def reference(self, observation, noise):
        assert noise.shape == (self.num_particles, self.action_size)
        self.calls.append("reference")
        self.noises.append(noise.copy())
        self.clock.advance(self.reference_cost())
        return noise.copy()

    def step(
        self, observation, particles, origin, first_moment, second_moment, step_index, step_size, max_distance
    ) -> StepResult:
        self.calls.append(f"step {step_index}")
        self.clock.advance(self.step_cost())
        moved = particles + np.float32(step_size)
        displacement = np.linalg.norm(moved - origin, axis=1).astype(np.float32)
        return StepResult(moved, first_moment + 1, second_moment + 1, particles.sum(axis=1), displacement)

    def select(self, observation, particles, selection_noise, value_weight) -> Selected:
        self.calls.append("select")
        self.selection_noises.append(selection_noise.copy())
        self.weights.append(value_weight)
        self.clock.advance(self.select_cost())
        values = particles.sum(axis=1)
        index = int(np.argmax(value_weight * values + selection_noise))
        return Selected(self.action(particles[index]).astype(np.float32), index, values, 0.5)
