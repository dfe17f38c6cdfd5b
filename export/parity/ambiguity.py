"""Where float32 rounding alone decides the outcome, so that two right programs may differ.

All cases are properties of the function at that input, found with torch alone; what the graph answered plays no part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from export.parity.check import value_limit
from policies.networks import expand_observation
from policies.transport import Transport

NEAR_KINK = 2e-6
"""Rounding error of a normalised activation (of order 1) after a layer's sum, in float32."""

SMALLEST_PHI = 1e-6
"""Below it the sign of phi is rounding, and Adam's first step is that sign."""


def at_kink(transport: Transport, observation: Tensor, particles: Tensor) -> bool:
    """Return whether rounding may change which linear piece of the value a particle stands on.

    The gradient jumps there: where a ReLU of the critic opens or shuts, and, climbing the ensemble's minimum, where
    two members are equal. Under a kernel every particle feels it, so the answer is for the whole set.

    Args:
        transport: The flow.
        observation: Shape (O,).
        particles: Shape (N, A).
    """
    nearest: list[float] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nearest.append(float(inputs[0].abs().min()))

    critic = transport.critic
    hooks = [module.register_forward_pre_hook(keep) for module in critic.modules() if isinstance(module, nn.ReLU)]
    try:
        values = critic(expand_observation(observation, particles), particles)
    finally:
        for hook in hooks:
            hook.remove()
    return min(nearest) < NEAR_KINK or (transport.aggregation == "min" and _members_tied(values))


def _members_tied(values: Tensor) -> bool:
    """Return whether the two lowest of the ensemble's values, shape (E, N), are equal within rounding anywhere."""
    if values.shape[0] < 2:
        return False
    lowest = torch.topk(values, 2, dim=0, largest=False).values
    return float((lowest[1] - lowest[0]).min()) < value_limit(values)


def clear_particles(transport: Transport, observation: Tensor, particles: Tensor) -> Tensor:
    """Return the particles whose direction is no rounding in any coordinate.

    One doubtful coordinate spoils its whole particle: the projection onto the ball mixes coordinates.

    Args:
        transport: The flow.
        observation: Shape (O,).
        particles: Shape (N, A).

    Returns:
        Booleans of shape (N,).
    """
    _, gradient = transport.value_and_gradient(observation, particles)
    return (transport.direction(particles, gradient).abs() > SMALLEST_PHI).all(-1)
