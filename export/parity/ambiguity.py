"""Where float32 rounding alone decides the outcome, so that two right programs may differ.

All cases are properties of the function at that input, found with torch alone; what the graph answered plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import torch
from torch import Tensor, nn

from export.parity.check import PARTICLE_LIMIT, value_limit
from policies.networks import expand_observation
from policies.transport import Transport

NEAR_KINK = 2e-6
"""Rounding error of a normalised activation (of order 1) after a layer's sum, in float32."""

SMALLEST_PHI = 1e-6
"""Below it the sign of phi is rounding, and Adam's first step is that sign."""

SETTLED_SHARE = 0.1
"""Of the limit on particles, that rounding may take before a comparison says nothing."""


def at_kink(transport: Transport, observation: Tensor, particles: Tensor) -> bool:
    """Return whether rounding may change which linear piece of the value a particle stands on.

    The gradient jumps there: where a ReLU of the critic opens or shuts, and, climbing the ensemble's minimum, where
    two members are equal. Under a kernel every particle feels it, so the answer is for the whole set. An amortised
    gradient has no jumps: it is a network's output, which bends at a ReLU and does not break.

    Args:
        transport: The flow.
        observation: Shape (O,).
        particles: Shape (N, A).
    """
    if transport.amortised is not None:
        return False
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


def decided_particles(precise: Transport, inputs: tuple[Tensor, ...]) -> Tensor:
    """Return the particles that go the same way whichever linear piece of the value they stand on.

    A set near a kink is compared all the same, where the kink does not matter: Adam's first step takes the sign
    alone, and a unit that opens or shuts often turns nothing. The step is taken four times in float64, with all units
    near their kink open and shut, and with nearly equal members of the ensemble in either order.

    Args:
        precise: The flow, in float64.
        inputs: Of its step, in float64: observation (O,), particles (N, A) and so on.

    Returns:
        Booleans of shape (N,).
    """
    outcomes = []
    for threshold, order in product((NEAR_KINK, -NEAR_KINK), (1.0, -1.0)):
        with _on_one_side(precise, threshold, order):
            outcomes.append(precise(*inputs)[:3])
    decided = torch.ones(inputs[1].shape[0], dtype=torch.bool)
    for number, tensors in enumerate(zip(*outcomes, strict=True)):
        together = torch.stack(tensors)
        scale = 1.0 if number == 0 else max(1.0, float(together.abs().max()))  # moments may be large, particles not
        spread = together.amax(0) - together.amin(0)
        decided &= (spread <= SETTLED_SHARE * PARTICLE_LIMIT * scale).all(-1)
    return decided


@contextmanager
def _on_one_side(transport: Transport, threshold: float, order: float) -> Iterator[None]:
    """Let the critic's units open at a threshold other than 0, and set its members a rounding apart."""

    def gate(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        return inputs[0] * (inputs[0] > threshold).to(inputs[0].dtype)

    def part(_module: nn.Module, _inputs: tuple[Tensor, ...], values: Tensor) -> Tensor:
        places = torch.arange(len(values), dtype=values.dtype).reshape(-1, *[1] * (values.dim() - 1))
        return values + order * value_limit(values.detach()) * places

    hooks = [each.register_forward_hook(gate) for each in transport.critic.modules() if isinstance(each, nn.ReLU)]
    hooks.append(transport.critic.register_forward_hook(part))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
