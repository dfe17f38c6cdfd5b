"""TD learning: the target through transported particles, the critic's loss, and the target critic."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from policies.config import CriticConfig, TrainConfig
from policies.critic import Critic, aggregate, lower_confidence_bound
from policies.models import Models
from policies.networks import expand_observation
from policies.shapes import EnsembleValues, Observations, Particles


@torch.no_grad()
def td_target(
    models: Models,
    config: TrainConfig,
    reward: Tensor,
    mask: Tensor,
    next_observation: Observations,
    reference_particles: Particles,
) -> Tensor:
    """Return r + discount * mask * select_i agg_e Qtarget_e(s', x_i^L), where select is the mean or the largest.

    The flow climbs the online critic, the target critic values where it arrives.

    Args:
        models: The networks.
        config: The run's configuration.
        reward: Shape (B,).
        mask: Shape (B,).
        next_observation: Shape (B, O), raw units.
        reference_particles: Shape (B, N, A), drawn from the reference policy at the next observation.

    Returns:
        Shape (B,).

    Source: arXiv 2604.14265, critic training; the lower confidence bound is ours.
    """
    flow = config.transport
    particles = models.transport(config).flow(
        next_observation,
        reference_particles,
        num_steps=flow.num_steps,
        step_size=flow.step_size,
        max_distance=math.inf if flow.max_distance is None else flow.max_distance,
    )
    ensemble = models.target_critic(expand_observation(next_observation, particles), particles)
    values = aggregate_target(ensemble, config.critic)
    next_value = values.amax(-1) if config.critic.target_selection == "max" else values.mean(-1)
    return reward + config.critic.discount * mask * next_value


def aggregate_target(values: EnsembleValues, settings: CriticConfig) -> Tensor:
    """Return one value per state-action from the target ensemble's, as the configuration says; (E, ...) to (...)."""
    if settings.target_aggregation == "lcb":
        return lower_confidence_bound(values, settings.lcb_kappa or 0.0)
    return aggregate(values, settings.target_aggregation)


def td_loss(values: EnsembleValues, target: Tensor) -> Tensor:
    """Return the sum over the E critics of their mean squared error, a scalar.

    Args:
        values: Shape (E, B), differentiable.
        target: Shape (B,).
    """
    return (values - target).square().mean(-1).sum()


@torch.no_grad()
def move_target(critic: Critic, target_critic: Critic, polyak_rate: float) -> None:
    """Move the target critic's parameters towards the critic's by the rate (Polyak average)."""
    for parameter, target in zip(critic.parameters(), target_critic.parameters(), strict=True):
        target.lerp_(parameter, polyak_rate)
