"""The amortised gradient: a network that answers with the value's gradient, so that a tick needs no backward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policies.networks import mlp
from policies.scaling import ObservationScaling
from policies.shapes import Actions, Observations


class GradientNetwork(nn.Module):
    """h(s, a), regressed on the gradient of the critic's value by the action.

    Args:
        observation_size: O.
        action_size: A.
        hidden_sizes: Width of each hidden layer, normalised as the critic's are.
        scaling: Observation units to network units; the identity where None.

    Source: arXiv 2604.14265, A-VGF.
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
        self.gradient = mlp(observation_size + action_size, hidden_sizes, action_size, layer_norm=True)

    def forward(self, observation: Observations, action: Actions) -> Actions:
        """Return the predicted gradient.

        Args:
            observation: Shape (..., O), raw units.
            action: Shape (..., A), normalised; same leading axes.

        Returns:
            Shape (..., A), value per normalised action unit.
        """
        return self.gradient(torch.cat([self.scaling(observation), action], dim=-1))

    def loss(self, observation: Observations, action: Actions, gradient: Actions) -> Tensor:
        """Return the mean squared error against the critic's gradient, a scalar.

        Args:
            observation: Shape (B, O), raw units.
            action: Shape (B, A), the data's, normalised.
            gradient: Shape (B, A), the critic's at these actions, which is not differentiated.
        """
        return (self(observation, action) - gradient.detach()).square().mean()
