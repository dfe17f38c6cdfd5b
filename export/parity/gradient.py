"""The exported direction against one computed in float64 without automatic differentiation.

The critic's gradient is compared with finite differences: the one check that does not trust differentiation. An
amortised gradient is that of no function; it is compared with its network.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor

from export.parity.ambiguity import at_kink
from export.parity.check import GRADIENT_LIMIT, Array, Check, array, worst_of
from policies.networks import expand_observation
from policies.transport import ADAM_BETA1, Transport
from vgf_robot.backends import Graphs

OFFSET = 1e-6  # in float64: truncation and rounding both near 1e-9, and few ReLU kinks are crossed
TRIES = 20
NUDGE = 1e-3  # a particle's way off a kink
LARGEST_PLAIN_MOVE = 0.1  # enough to read phi from the particles, which start inside 0.5 and stay off the clip


@torch.no_grad()
def check_gradient(graphs: Graphs, transport: Transport, observations: Tensor, particles: Tensor) -> Check:
    """Compare the graph's direction phi with one of float64: from central differences, or from the gradient network.

    Args:
        graphs: The exported graphs.
        transport: The flow as exported.
        observations: Shape (B, O).
        particles: Shape (B, N, A), in normalised action units; halved, to stay off the clip at 1.
    """
    precise = copy.deepcopy(transport).double()
    errors: list[Array] = []
    excluded = 0
    generator = torch.Generator().manual_seed(2)
    for observation, start in zip(observations, 0.5 * particles, strict=True):
        points = _off_kinks(transport, observation, start, generator)
        if points is None:
            excluded += 1
            continue
        gradient = _precise_gradient(precise, observation.double(), points.double())
        expected = array(precise.direction(points.double(), gradient))
        phi = _exported_phi(graphs, transport, array(observation), array(points), float(np.abs(expected).max()))
        errors.append(np.abs(phi - expected).max(keepdims=True) / max(1e-3, float(np.abs(expected).max())))
    against = "finite differences" if transport.amortised is None else "the gradient network"
    return worst_of(f"phi against {against} (relative)", errors, GRADIENT_LIMIT, excluded)


def _off_kinks(
    transport: Transport, observation: Tensor, particles: Tensor, generator: torch.Generator
) -> Tensor | None:
    """Return the particles, or some near them, where no kink is within reach; None where there are none such.

    The more particles and units, the likelier that one of all of them is at its kink: one set in five at N = 32 and
    the paper's size.
    """
    for _ in range(TRIES):
        if not at_kink(transport, observation, particles):
            return particles
        particles = particles + NUDGE * torch.randn(particles.shape, generator=generator)
    return None


def _precise_gradient(transport: Transport, observation: Tensor, particles: Tensor) -> Tensor:
    if transport.amortised is None:
        return central_differences(transport, observation, particles)
    return transport.amortised(expand_observation(observation, particles), particles)


def central_differences(transport: Transport, observation: Tensor, particles: Tensor) -> Tensor:
    """Return the gradient of the aggregated value by central differences.

    Args:
        transport: In float64.
        observation: Shape (O,), float64.
        particles: Shape (N, A), float64.

    Returns:
        Shape (N, A), float64.
    """
    state = expand_observation(observation, particles)
    columns: list[Tensor] = []
    for entry in range(particles.shape[-1]):
        offset = torch.zeros_like(particles)
        offset[..., entry] = OFFSET
        above, below = transport.aggregated(state, particles + offset), transport.aggregated(state, particles - offset)
        columns.append((above - below) / (2 * OFFSET))
    return torch.stack(columns, dim=-1)


def _exported_phi(graphs: Graphs, transport: Transport, observation: Array, points: Array, size: float) -> Array:
    """Read phi off one step from rest: Adam's first moment is 0.1 phi, a plain step moves by step_size * phi."""
    rest = np.zeros_like(points)
    if transport.optimiser == "adam":
        result = graphs.step(observation, points, points, rest, rest, 0, LARGEST_PLAIN_MOVE, math.inf)
        return result.first_moment / (1.0 - ADAM_BETA1)
    step_size = LARGEST_PLAIN_MOVE / max(size, 1e-3)
    result = graphs.step(observation, points, points, rest, rest, 0, step_size, math.inf)
    return (result.moved - points) / step_size
