"""The exported gradient against finite differences: the one check that does not trust automatic differentiation."""

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
LARGEST_PLAIN_MOVE = 0.1  # enough to read phi from the particles, which start inside 0.5 and stay off the clip


@torch.no_grad()
def check_gradient(graphs: Graphs, transport: Transport, observations: Tensor, particles: Tensor) -> Check:
    """Compare the graph's direction phi with one from central differences of the critic in float64.

    Args:
        graphs: The exported graphs.
        transport: The flow as exported.
        observations: Shape (B, O).
        particles: Shape (B, N, A), in normalised action units; halved, to stay off the clip at 1.
    """
    precise = copy.deepcopy(transport).double()
    errors: list[Array] = []
    excluded = 0
    for observation, points in zip(observations, 0.5 * particles, strict=True):
        if at_kink(transport, observation, points):
            excluded += 1
            continue
        gradient = central_differences(precise, observation.double(), points.double())
        expected = array(precise.direction(points.double(), gradient))
        phi = _exported_phi(graphs, transport, array(observation), array(points), float(np.abs(expected).max()))
        errors.append(np.abs(phi - expected).max(keepdims=True) / max(1e-3, float(np.abs(expected).max())))
    return worst_of("phi against finite differences (relative)", errors, GRADIENT_LIMIT, excluded)


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
