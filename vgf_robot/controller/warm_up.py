"""The first runs of a variant's graphs: slow ones, which are forgotten, and some that make its costs known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from vgf_robot.bundle import Manifest
from vgf_robot.controller.noise import NoiseStream, value_weight
from vgf_robot.controller.settings import ControllerSettings
from vgf_robot.controller.variant import PreparedVariant

# Two, because a backend may write alternate steps to different memory.
STEPS = 2


def warm_up(
    variant: PreparedVariant, manifest: Manifest, settings: ControllerSettings, clock: Callable[[], int]
) -> None:
    """Run every stage of a variant, whatever its cap is, until its costs are known.

    Args:
        variant: Its costs are filled.
        manifest: Gives an observation from the middle of the training range and the step size.
        settings: How many runs.
        clock: Returns monotonic nanoseconds.
    """
    middle = [
        (low + high) / 2 for field in manifest.observation for low, high in zip(field.low, field.high, strict=True)
    ]
    observation = np.array(middle, np.float32)
    noise = NoiseStream(0)
    for tick in range(settings.warm_up_ticks + settings.measured_ticks):
        times = _run_once(variant, manifest, observation, noise, tick, clock)
        if tick >= settings.warm_up_ticks:
            costs = variant.costs
            costs.reference.record(times[1] - times[0])
            for index in range(1, STEPS + 1):
                costs.step.record(times[index + 1] - times[index])
            costs.select.record(times[-1] - times[-2])


def _run_once(
    variant: PreparedVariant,
    manifest: Manifest,
    observation: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    noise: NoiseStream,
    tick: int,
    clock: Callable[[], int],
) -> list[int]:
    """Return the times before the reference, after it, after each step and after the selection."""
    point, graphs = manifest.operating_point, variant.graphs
    times = [clock()]
    noise.fill_particles(tick, variant.noise)
    origin = particles = graphs.reference(observation, variant.noise)
    times.append(clock())
    first = second = variant.zeros
    for index in range(STEPS):
        result = graphs.step(observation, particles, origin, first, second, index, point.step_size, math.inf)
        particles, first, second = result.moved, result.first_moment, result.second_moment
        times.append(clock())
    noise.fill_selection(tick, point.selection, variant.selection_noise)
    weight = value_weight(point.selection, point.temperature)
    graphs.select(observation, particles, variant.selection_noise, weight)
    times.append(clock())
    return times
