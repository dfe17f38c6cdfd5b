"""The value-gradient flow: particles moved a limited way up the critic.

This is the one place where the method's mathematics stands; training calls it, the exporter traces it.

Source: arXiv 2604.14265, the particle update, with the authors' constants. One deliberate difference: the kernel's
bandwidth is held constant under the gradient (textbook SVGD). The authors' code differentiates the median as well;
that term depends on how ties in the median are ordered, so it is no well-defined function of the particles.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from policies.critic import Aggregation, Critic, aggregate
from policies.networks import expand_observation
from policies.shapes import Observations, Particles, ParticleValues

Form = Literal["svgd", "smoothed", "independent"]
Optimiser = Literal["adam", "plain"]

ADAM_BETA1 = 0.9
ADAM_BETA2 = 0.999
ADAM_EPS = 1e-8


class Moved(NamedTuple):
    """What one transport step returns; shapes as its inputs, `values` and `displacement` (..., N).

    Attributes:
        particles: The particles after the step.
        first_moment: Adam's first moment.
        second_moment: Adam's second moment.
        values: Values of the particles *before* the step.
        displacement: Euclidean distance of each moved particle from its origin.
    """

    particles: Particles
    first_moment: Particles
    second_moment: Particles
    values: ParticleValues
    displacement: ParticleValues


class Transport(nn.Module):
    """One step of the flow, with its state passed in and out.

    Args:
        critic: The online critic whose value is climbed.
        form: `svgd` (kernel and repulsion), `smoothed` (kernel alone) or `independent` (no kernel).
        optimiser: `adam`, or `plain` for x + step_size * phi.
        alpha: Temperature that divides the gradient under the kernel; unused by `independent`.
        aggregation: How the ensemble becomes one value.
    """

    def __init__(
        self, critic: Critic, *, form: Form, optimiser: Optimiser, alpha: float, aggregation: Aggregation
    ) -> None:
        super().__init__()
        self.critic = critic
        self.form: Form = form
        self.optimiser: Optimiser = optimiser
        self.alpha = alpha
        self.aggregation: Aggregation = aggregation

    def forward(
        self,
        observation: Observations,
        particles: Particles,
        origin: Particles,
        first_moment: Particles,
        second_moment: Particles,
        step_index: Tensor,
        step_size: Tensor,
        max_distance: Tensor,
    ) -> Moved:
        """Take one step.

        Args:
            observation: Shape (..., O), raw units.
            particles: Shape (..., N, A), normalised action units.
            origin: Where the particles started, same shape.
            first_moment: Adam's, same shape; zero before the first step.
            second_moment: Adam's, same shape; zero before the first step.
            step_index: Scalar integer, 0 for the first step.
            step_size: Scalar, normalised action units.
            max_distance: Scalar, normalised action units; inf for no limit.
        """
        values, gradient = self.value_and_gradient(observation, particles)
        phi = self.direction(particles, gradient)
        if self.optimiser == "adam":
            phi, first_moment, second_moment = _adam(phi, first_moment, second_moment, step_index)
        moved = (particles + step_size * phi).clamp(-1.0, 1.0)
        moved, displacement = _project(moved, origin, max_distance)
        return Moved(moved, first_moment, second_moment, values, displacement)

    def value_and_gradient(self, observation: Observations, particles: Particles) -> tuple[ParticleValues, Particles]:
        """Return the aggregated value of each particle, (..., N), and its gradient by the particle, (..., N, A)."""
        state = expand_observation(observation, particles)

        def total(actions: Tensor) -> tuple[Tensor, Tensor]:
            values = self.aggregated(state, actions)
            return values.sum(), values

        gradient, (_, values) = torch.func.grad_and_value(total, has_aux=True)(particles)
        return values, gradient

    def aggregated(self, state: Tensor, actions: Tensor) -> Tensor:
        """Return the ensemble's one value of each state-action; leading axes of both arguments, which agree."""
        return aggregate(self.critic(state, actions), self.aggregation)

    def direction(self, particles: Particles, gradient: Particles) -> Particles:
        """Return phi, the direction of ascent, in the chosen form; shape (..., N, A)."""
        if self.form == "independent":
            return gradient
        kernel, gamma, difference = self.kernel(particles)
        phi = kernel @ gradient / self.alpha
        if self.form == "svgd":
            phi = phi + ((2.0 * gamma * kernel).unsqueeze(-1) * difference).sum(-2)
        return phi / particles.shape[-2]

    def kernel(self, particles: Particles) -> tuple[Tensor, Tensor, Tensor]:
        """Return the kernel (..., N, N), its gamma (..., 1, 1) and the differences x_i - x_j (..., N, N, A)."""
        difference = particles.unsqueeze(-2) - particles.unsqueeze(-3)
        squared_distance = difference.square().sum(-1)
        gamma = 1.0 / (1e-6 + 2.0 * squared_bandwidth(squared_distance))[..., None, None]
        return torch.exp(-gamma * squared_distance), gamma, difference

    def flow(
        self, observation: Observations, origin: Particles, *, num_steps: int, step_size: float, max_distance: float
    ) -> Particles:
        """Move particles from their origin by `num_steps` steps, optimiser state fresh; shape (..., N, A)."""
        particles, first_moment, second_moment = origin, torch.zeros_like(origin), torch.zeros_like(origin)
        size, distance = origin.new_tensor(step_size), origin.new_tensor(max_distance)
        for index in range(num_steps):
            step_index = torch.tensor(index, device=origin.device)
            particles, first_moment, second_moment, _, _ = self(
                observation, particles, origin, first_moment, second_moment, step_index, size, distance
            )
        return particles


def squared_bandwidth(squared_distance: Tensor) -> Tensor:
    """Return sigma^2 of the median heuristic: median over all N*N squared distances / (2 log(N + 1)), at least 1e-12.

    The zero diagonal counts, and an even number of entries has the mean of its two middle ones as median, as NumPy
    has it (`torch.median` would take the lower one). Sorted by top-k, which ONNX has and `sort` there has not.

    Args:
        squared_distance: Shape (..., N, N).

    Returns:
        Shape (...).
    """
    num_particles = squared_distance.shape[-1]
    count = num_particles * num_particles
    lowest = torch.topk(squared_distance.flatten(-2), count // 2 + 1, largest=False, sorted=True).values
    median = lowest[..., -1] if count % 2 else lowest[..., -2:].mean(-1)
    return (median / (2.0 * math.log(num_particles + 1.0))).clamp_min(1e-12)


def _adam(phi: Tensor, first: Tensor, second: Tensor, step_index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return Adam's direction for ascent on phi, and its new moments."""
    count = (step_index + 1).to(phi.dtype)
    first = ADAM_BETA1 * first + (1.0 - ADAM_BETA1) * phi
    second = ADAM_BETA2 * second + (1.0 - ADAM_BETA2) * phi.square()
    # exp(t log b) rather than b ** t: one ONNX type for the exponent, and exact enough (1e-7).
    first_hat = first / (1.0 - torch.exp(count * math.log(ADAM_BETA1)))
    second_hat = second / (1.0 - torch.exp(count * math.log(ADAM_BETA2)))
    return first_hat / (second_hat.sqrt() + ADAM_EPS), first, second


def _project(particles: Tensor, origin: Tensor, max_distance: Tensor) -> tuple[Tensor, Tensor]:
    """Pull each particle back onto the ball around its origin; return it and its distance.

    The identity coupling then bounds the Wasserstein distances W_inf and W_2 between the sets before and after by
    `max_distance`: a guarantee that counting steps does not give.
    """
    offset = particles - origin
    distance = offset.square().sum(-1).sqrt()
    shrink = (max_distance / distance.clamp_min(1e-12)).clamp_max(1.0)
    return origin + offset * shrink.unsqueeze(-1), distance * shrink
