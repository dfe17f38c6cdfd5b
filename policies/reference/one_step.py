"""One pass from noise to an action: the actor of flow Q-learning, or a reference policy distilled into one pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from policies.networks import expand_observation, mlp
from policies.reference.policy import Sampler, require_one_pass
from policies.scaling import ObservationScaling
from policies.shapes import Observations, Particles


class OneStepActor(Sampler):
    """A network mu(s, z) that answers noise with an action at once.

    Args:
        observation_size: O.
        action_size: A.
        hidden_sizes: Width of each hidden layer.
        scaling: Observation units to network units; the identity where None.

    Source: arXiv 2502.02538, the one-step policy.
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
        self.action = mlp(observation_size + action_size, hidden_sizes, action_size, layer_norm=False)

    def forward(self, observation: Observations, noise: Particles, num_steps: int) -> Particles:
        """Draw the particles."""
        require_one_pass(num_steps)
        return self.unclipped(observation, noise).clamp(-1.0, 1.0)

    def distilled(self, observation: Observations, noise: Particles, taught: Particles) -> tuple[Particles, Tensor]:
        """Return the actions before the clip, (..., N, A), and their mean squared error against a flow's, a scalar.

        Args:
            observation: Shape (..., O), raw units.
            noise: Shape (..., N, A), the same that the flow began with.
            taught: What the flow made of it, same shape.

        Source: arXiv 2502.02538, the distillation loss.
        """
        answered = self.unclipped(observation, noise)
        return answered, (answered - taught).square().mean()

    def unclipped(self, observation: Observations, noise: Particles) -> Particles:
        """Return the actions before the clip to [-1, 1], which the distillation pulls back inside; (..., N, A)."""
        state = expand_observation(self.scaling(observation), noise)
        return self.action(torch.cat([state, noise], dim=-1))
