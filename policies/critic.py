"""The critic: an ensemble of Q networks, how their values become one, and its gradient by the action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from policies.networks import mlp
from policies.scaling import ObservationScaling
from policies.shapes import Actions, EnsembleValues, Observations

Aggregation = Literal["mean", "min"]
TargetAggregation = Literal["mean", "min", "lcb"]


class Critic(nn.Module):
    """E independent Q networks on concat(observation, normalised action).

    A loop over the members is faster on CPU than batched products, at any E tried, and exports to plain matrix
    products, which runtimes pack in advance. Value and gradient on 2,560 rows of 4x512, one thread: 194 against 233 ms
    for two members, 1.1 against 1.9 s for ten (float32), 104 against 134 ms and 0.5 against 1.3 s (bfloat16).

    Args:
        observation_size: O.
        action_size: A.
        hidden_sizes: Width of each hidden layer.
        ensemble_size: E.
        scaling: Observation units to network units; the identity where None.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_sizes: Sequence[int],
        ensemble_size: int,
        scaling: ObservationScaling | None = None,
    ) -> None:
        super().__init__()
        self.scaling = scaling or ObservationScaling.identity(observation_size)
        self.members = nn.ModuleList(
            mlp(observation_size + action_size, hidden_sizes, 1, layer_norm=True) for _ in range(ensemble_size)
        )

    def forward(self, observation: Observations, action: Actions) -> EnsembleValues:
        """Return each member's value.

        Args:
            observation: Shape (..., O), raw units.
            action: Shape (..., A), normalised; same leading axes.

        Returns:
            Shape (E, ...), in units of discounted return.
        """
        state_action = torch.cat([self.scaling(observation), action], dim=-1)
        return torch.stack([member(state_action).squeeze(-1) for member in self.members])


def aggregate(values: EnsembleValues, rule: Aggregation) -> Tensor:
    """Return one value per state-action from the ensemble's: its mean or its minimum.

    Args:
        values: Shape (E, ...).
        rule: `mean` or `min`.

    Returns:
        Shape (...).
    """
    return values.mean(0) if rule == "mean" else values.amin(0)


def lower_confidence_bound(values: EnsembleValues, kappa: float) -> Tensor:
    """Return mean - kappa * standard deviation over the ensemble, of any size.

    The deviation is that of the members as they are (divided by E, not E - 1): 0 for one member, and for two
    mean - deviation is the minimum.

    Args:
        values: Shape (E, ...).
        kappa: 0 or more.

    Returns:
        Shape (...).
    """
    return values.mean(0) - kappa * values.std(0, correction=0)


def value_and_gradient(
    critic: Critic, observation: Observations, action: Actions, rule: Aggregation
) -> tuple[Tensor, Actions]:
    """Return the aggregated value of each state-action, (...), and its gradient by the action, (..., A).

    Args:
        critic: The critic.
        observation: Shape (..., O), raw units.
        action: Shape (..., A), normalised.
        rule: How the ensemble becomes one value.
    """

    def total(actions: Tensor) -> tuple[Tensor, Tensor]:
        values = aggregate(critic(observation, actions), rule)
        return values.sum(), values

    gradient, (_, values) = torch.func.grad_and_value(total, has_aux=True)(action)
    return values, gradient
