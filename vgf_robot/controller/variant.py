"""A variant that is ready for ticks: its graphs, what they cost, and the arrays they are fed from.

Its first runs, slow ones that are forgotten and some that make its costs known, are the warm-up.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Graphs
from vgf_robot.bundle import Manifest
from vgf_robot.controller.costs import TickCosts
from vgf_robot.controller.margin import Margin
from vgf_robot.controller.noise import NoiseStream, value_weight
from vgf_robot.controller.observation import middle_of_range
from vgf_robot.controller.settings import ControllerSettings

VariantKey = tuple[int, int]  # N, K
# Two, because a backend may write alternate steps to different memory.
WARM_UP_STEPS = 2


class PreparedVariant:
    """What all ticks at one N and K share.

    Attributes:
        key: N and K.
        graphs: The loaded graphs.
        costs: Learned from every tick at this N and K, whoever asked for it.
        margin: Time kept free before the deadline when a step is started, learned likewise.
        noise: Shape (N, A), filled anew by each tick.
        selection_noise: Shape (N,), likewise.
        zeros: Shape (N, A), read-only: the optimiser's state before the first step.
        no_displacement: Shape (N,), read-only: the displacement of particles that were not moved.
    """

    __slots__ = ("costs", "graphs", "key", "margin", "no_displacement", "noise", "selection_noise", "zeros")

    def __init__(self, key: VariantKey, manifest: Manifest, graphs: Graphs, settings: ControllerSettings) -> None:
        num_particles, action_size = key[0], manifest.action_size
        self.key = key
        self.graphs = graphs
        self.costs = TickCosts(settings)
        rise_ns = settings.margin_rise * manifest.control_period_s * 1e9
        first_ns = max(rise_ns, 1e6 * settings.first_margin_ms)
        self.margin = Margin(ns=first_ns, rise_ns=rise_ns, miss_rate=settings.miss_rate)
        self.noise = np.zeros((num_particles, action_size), np.float32)
        self.selection_noise = np.zeros(num_particles, np.float32)
        self.zeros: NDArray[np.float32] = np.zeros((num_particles, action_size), np.float32)
        self.zeros.flags.writeable = False
        self.no_displacement: NDArray[np.float32] = np.zeros(num_particles, np.float32)
        self.no_displacement.flags.writeable = False


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
    observation = middle_of_range(manifest)
    noise = NoiseStream(0)
    for tick in range(settings.warm_up_ticks + settings.measured_ticks):
        times = _run_once(variant, manifest, observation, noise, tick, clock)
        if tick >= settings.warm_up_ticks:
            costs = variant.costs
            costs.reference.record(times[1] - times[0])
            for index in range(1, WARM_UP_STEPS + 1):
                costs.step.record(times[index + 1] - times[index])
            costs.select.record(times[-1] - times[-2])


def _run_once(
    variant: PreparedVariant,
    manifest: Manifest,
    observation: NDArray[np.float32],
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
    for index in range(WARM_UP_STEPS):
        result = graphs.step(observation, particles, origin, first, second, index, point.step_size, math.inf)
        particles, first, second = result.moved, result.first_moment, result.second_moment
        times.append(clock())
    noise.fill_selection(tick, point.selection, variant.selection_noise)
    weight = value_weight(point.selection, point.temperature)
    graphs.select(observation, particles, variant.selection_noise, weight)
    times.append(clock())
    return times
