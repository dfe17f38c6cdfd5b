"""The value function of implicit Q-learning, and the expectile loss that makes it optimistic inside the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policies.networks import mlp
from policies.scaling import ObservationScaling
from policies.shapes import Observations


class StateValue(nn.Module):
    """V(s), one network.

    Args:
        observation_size: O.
        hidden_sizes: Width of each hidden layer, normalised as the critic's are.
        scaling: Observation units to network units; the identity where None.
    """

    def __init__(
        self, observation_size: int, hidden_sizes: Sequence[int], scaling: ObservationScaling | None = None
    ) -> None:
        super().__init__()
        self.scaling = scaling or ObservationScaling.identity(observation_size)
        self.value = mlp(observation_size, hidden_sizes, 1, layer_norm=True)

    def forward(self, observation: Observations) -> Tensor:
        """Return the value of each state, shape (...), in units of discounted return."""
        return self.value(self.scaling(observation)).squeeze(-1)


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """Return the mean of |tau - 1(u < 0)| u^2 over differences u = Q - V, a scalar.

    Args:
        difference: Any shape.
        expectile: tau, between 0 and 1; 0.5 is half the mean squared error.

    Source: arXiv 2110.06169, expectile regression of the value function (equation 5).
    """
    weight = torch.where(difference >= 0, expectile, 1.0 - expectile)
    return (weight * difference.square()).mean()
