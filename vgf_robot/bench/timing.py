"""Ticks at every number of steps, taken in turn, and what each of their stages took."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.controller import Budget, Command, Controller, Rung, Timings
from vgf_robot.errors import BundleError, ConfigError
from vgf_robot.results import latency_summary

NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """How much is measured.

    Attributes:
        ticks: Ticks per number of steps that count, 1 or more.
        warm_up_ticks: Ticks per number of steps before them that do not, 0 or more.
        seed: Of the observations and the particles' noise, 0 or more.
    """

    ticks: int
    warm_up_ticks: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: A number is out of its range.
        """
        for name, least in (("ticks", 1), ("warm_up_ticks", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: expected {least} or more, found {getattr(self, name)}; give a larger one.")


def measure(
    controller: Controller,
    settings: BenchSettings,
    after_round: Callable[[int], object] | None = None,
    num_particles: int | None = None,
    steps: Sequence[int] | None = None,
) -> dict[int, list[Timings]]:
    """Run ticks without a deadline, on random observations from the range seen in training.

    One tick at each number of steps, then again: whatever else the machine does meets all of them alike.

    Args:
        controller: Warmed up.
        settings: How many ticks.
        after_round: Called between the rounds, outside of what is timed, with their number so far.
        num_particles: N; None for the bundle's own.
        steps: Each number of steps; 0 to the bundle's cap where None.

    Returns:
        Timings by number of steps; the warm-up is left out.

    Raises:
        BundleError: A tick had to fall back, so that its time says nothing.
    """
    observations = observations_in_range(controller.manifest, np.random.default_rng(settings.seed))
    wanted = range(controller.manifest.operating_point.max_steps + 1) if steps is None else steps
    budgets = {number: Budget(num_particles=num_particles, max_steps=number) for number in wanted}
    kept: dict[int, list[Timings]] = {number: [] for number in budgets}
    episode = controller.begin_episode(settings.seed)
    with collector_as_when_serving():
        for count in range(settings.warm_up_ticks + settings.ticks):
            for number, budget in budgets.items():
                command = controller.tick(episode, next(observations), None, budget)
                require_full_tick(command, number)
                if count >= settings.warm_up_ticks:
                    kept[number].append(command.timings)
            if after_round is not None:
                after_round(count + 1)
    return kept


def latency_rows(timings_by_steps: dict[int, list[Timings]], facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per number of steps, latencies in milliseconds.

    Args:
        timings_by_steps: From `measure`.
        facts: Keys that every row begins with, such as the backend.
    """
    return [{**facts, "max_steps": steps, **_latencies(timings)} for steps, timings in timings_by_steps.items()]


def _latencies(timings: Sequence[Timings]) -> dict[str, Any]:
    samples_ns = {
        "tick_ms": [timing.tick_ns for timing in timings],
        "reference_ms": [timing.reference_ns for timing in timings],
        "step_ms": [step_ns for timing in timings for step_ns in timing.step_ns],
        "select_ms": [timing.select_ns for timing in timings],
    }
    return {name: latency_summary(np.array(values, np.float64) / NS_PER_MS) for name, values in samples_ns.items()}


def observations_in_range(
    manifest: Manifest, generator: np.random.Generator
) -> Generator[NDArray[np.float32], None, None]:
    """Yield observations drawn from the range seen in training, shape (O,)."""
    low = np.array([value for field in manifest.observation for value in field.low])
    high = np.array([value for field in manifest.observation for value in field.high])
    while True:
        yield generator.uniform(low, high).astype(np.float32)


def require_full_tick(command: Command, steps: int) -> None:
    """Refuse a tick that fell back.

    Raises:
        BundleError: Its time says nothing.
    """
    if command.steps != steps or command.rung not in (Rung.TRANSPORT, Rung.REFERENCE):
        raise BundleError(
            f"Expected every tick to act on its graphs, found the fallback '{command.rung.value}' "
            f"({command.reason.value}) at {steps} steps; `inspect` the bundle, its graphs may give no finite numbers."
        )


@contextmanager
def collector_as_when_serving() -> Generator[None, None, None]:
    """Keep what lives for good out of the garbage collector's way, as `serve` does."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
