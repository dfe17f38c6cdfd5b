"""The value-gradient flow: particles moved a limited way up the critic.

This is the one place where the method's mathematics stands; training calls it, the exporter traces it.

Source: arXiv 2604.14265, the particle update, with the authors' constants. Two deliberate differences. The kernel's
bandwidth is held constant under the gradient (textbook SVGD); see `policies.kernel`. And the amortised gradient is not
clipped before Adam: the authors' code clips it to norm 1 over all particles of all states together, so that where one
particle goes would depend on which other states share its batch.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from policies.critic import Aggregation, Critic, aggregate, value_and_gradient
from policies.gradient_network import GradientNetwork
from policies.kernel import kernel
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
        values: Values of the particles *before* the step; None where a step does not state them.
        displacement: Euclidean distance of each moved particle from its origin.
    """

    particles: Particles
    first_moment: Particles
    second_moment: Particles
    values: ParticleValues | None
    displacement: ParticleValues


class Transport(nn.Module):
    """One step of the flow, with its state passed in and out.

    Args:
        critic: The online critic whose value is climbed.
        form: `svgd` (kernel and repulsion), `smoothed` (kernel alone) or `independent` (no kernel).
        optimiser: `adam`, or `plain` for x + step_size * phi.
        alpha: Temperature that divides the gradient under the kernel; unused by `independent`.
        aggregation: How the ensemble becomes one value.
        amortised: Predicts the gradient, which then needs no backward pass; the critic's own where None.
        step_values: Whether a step states values. An amortised one without does not ask the critic at all.
    """

    def __init__(
        self,
        critic: Critic,
        *,
        form: Form,
        optimiser: Optimiser,
        alpha: float,
        aggregation: Aggregation,
        amortised: GradientNetwork | None = None,
        step_values: bool = True,
    ) -> None:
        super().__init__()
        self.critic = critic
        self.amortised = amortised
        self.step_values = step_values
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
        if self.step_values:
            values, gradient = self.value_and_gradient(observation, particles)
        else:
            values, gradient = None, self.gradient(observation, particles)
        moved, first_moment, second_moment, displacement = self._move(
            particles, gradient, origin, first_moment, second_moment, step_index, step_size, max_distance
        )
        return Moved(moved, first_moment, second_moment, values, displacement)

    def value_and_gradient(self, observation: Observations, particles: Particles) -> tuple[ParticleValues, Particles]:
        """Return the aggregated value of each particle, (..., N), and the gradient that it climbs, (..., N, A)."""
        state = expand_observation(observation, particles)
        if self.amortised is None:
            return value_and_gradient(self.critic, state, particles, self.aggregation)
        return self.aggregated(state, particles), self.amortised(state, particles)

    def gradient(self, observation: Observations, particles: Particles) -> Particles:
        """Return the gradient alone, (..., N, A): without the critic where it is amortised."""
        if self.amortised is None:
            return self.value_and_gradient(observation, particles)[1]
        return self.amortised(expand_observation(observation, particles), particles)

    def aggregated(self, state: Tensor, actions: Tensor) -> Tensor:
        """Return the ensemble's one value of each state-action; leading axes of both arguments, which agree."""
        return aggregate(self.critic(state, actions), self.aggregation)

    def direction(self, particles: Particles, gradient: Particles) -> Particles:
        """Return phi, the direction of ascent, in the chosen form; shape (..., N, A)."""
        if self.form == "independent":
            return gradient
        weights, gamma, difference = kernel(particles)
        phi = weights @ gradient / self.alpha
        if self.form == "svgd":
            phi = phi + ((2.0 * gamma * weights).unsqueeze(-1) * difference).sum(-2)
        return phi / particles.shape[-2]

    def flow(
        self, observation: Observations, origin: Particles, *, num_steps: int, step_size: float, max_distance: float
    ) -> Particles:
        """Move particles from their origin by `num_steps` steps, optimiser state fresh; shape (..., N, A)."""
        particles, first, second = origin, torch.zeros_like(origin), torch.zeros_like(origin)
        # Filled on the device: a copy from the host could not be captured in a CUDA graph.
        size, distance = origin.new_full((), step_size), origin.new_full((), max_distance)
        for index in range(num_steps):
            step_index = torch.full((), index, device=origin.device)
            gradient = self.gradient(observation, particles)
            particles, first, second, _ = self._move(
                particles, gradient, origin, first, second, step_index, size, distance
            )
        return particles

    def _move(
        self,
        particles: Particles,
        gradient: Particles,
        origin: Particles,
        first_moment: Particles,
        second_moment: Particles,
        step_index: Tensor,
        step_size: Tensor,
        max_distance: Tensor,
    ) -> tuple[Particles, Particles, Particles, ParticleValues]:
        """Return the moved particles, the optimiser's moments and the displacement; arguments as of `forward`."""
        phi = self.direction(particles, gradient)
        if self.optimiser == "adam":
            phi, first_moment, second_moment = _adam(phi, first_moment, second_moment, step_index)
        moved, displacement = _project((particles + step_size * phi).clamp(-1.0, 1.0), origin, max_distance)
        return moved, first_moment, second_moment, displacement


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
