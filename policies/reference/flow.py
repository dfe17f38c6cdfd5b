"""The reference policy as a flow from noise to actions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from policies.networks import expand_observation, mlp
from policies.reference.policy import ReferencePolicy
from policies.scaling import ObservationScaling
from policies.shapes import Actions, Observations, Particles


class FlowReference(ReferencePolicy):
    """A velocity field v(s, a_t, t) trained by flow matching, sampled with Euler steps.

    The path is straight: a_t = (1 - t) z + t a with z ~ N(0, I), so that the target velocity is a - z.

    Args:
        observation_size: O.
        action_size: A.
        hidden_sizes: Width of each hidden layer.
        scaling: Observation units to network units; the identity where None.

    Source: arXiv 2604.14265, behaviour model; flow matching as in arXiv 2210.02747.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_sizes: Sequence[int],
        scaling: ObservationScaling | None = None,
    ) -> None:
        super().__init__()
        self.scaling = scaling or ObservationScaling.identity(observation_size)
        self.velocity = mlp(observation_size + action_size + 1, hidden_sizes, action_size, layer_norm=False)

    def forward(self, observation: Observations, noise: Particles, num_steps: int) -> Particles:
        """Draw the particles with K Euler steps from the noise."""
        state = self.state(observation, noise)
        particles = noise
        for k in range(num_steps):
            particles = particles + self.velocity_at(state, particles, k / num_steps) / num_steps
        return particles.clamp(-1.0, 1.0)

    def state(self, observation: Observations, particles: Particles) -> Tensor:
        """Return the observation in the network's units for each particle, shape (..., N, O)."""
        return expand_observation(self.scaling(observation), particles)

    def velocity_at(self, state: Tensor, particles: Particles, time: float) -> Particles:
        """Return the velocity of particles on their way, (..., N, A): one evaluation of the network.

        Args:
            state: From `state`.
            particles: Shape (..., N, A).
            time: 0 for noise, 1 for actions.
        """
        times = torch.full_like(particles[..., :1], time)
        return self.velocity(torch.cat([state, particles, times], dim=-1))

    def loss(self, observation: Observations, action: Actions, generator: torch.Generator) -> Tensor:
        """Return the flow-matching loss at random noise and times."""
        noise = torch.randn(action.shape, generator=generator, device=action.device)
        time = torch.rand((len(action), 1), generator=generator, device=action.device)
        return self.matching_loss(observation, action, noise, time)

    def matching_loss(self, observation: Observations, action: Actions, noise: Actions, time: Tensor) -> Tensor:
        """Return the mean squared error of the velocity, a scalar.

        Args:
            observation: Shape (B, O), raw units.
            action: Shape (B, A), the data's, normalised.
            noise: Shape (B, A), standard normal.
            time: Shape (B, 1), uniform in [0, 1].
        """
        point = (1.0 - time) * noise + time * action
        velocity = self.velocity(torch.cat([self.scaling(observation), point, time], dim=-1))
        return (velocity - (action - noise)).square().mean()
