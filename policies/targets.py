"""TD learning through transported particles."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from policies.config import TrainConfig
from policies.critic import Critic, aggregate
from policies.models import Models
from policies.networks import expand_observation
from policies.shapes import Observations, Particles


@torch.no_grad()
def td_target(
    models: Models,
    config: TrainConfig,
    reward: Tensor,
    mask: Tensor,
    next_observation: Observations,
    reference_particles: Particles,
) -> Tensor:
    """Return r + discount * mask * mean_i agg_e Qtarget_e(s', x_i^L).

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

    Source: arXiv 2604.14265, critic training.
    """
    flow = config.transport
    particles = models.transport(config).flow(
        next_observation,
        reference_particles,
        num_steps=flow.num_steps,
        step_size=flow.step_size,
        max_distance=math.inf if flow.max_distance is None else flow.max_distance,
    )
    values = models.target_critic(expand_observation(next_observation, particles), particles)
    return reward + config.critic.discount * mask * aggregate(values, config.critic.target_aggregation).mean(-1)


@torch.no_grad()
def move_target(critic: Critic, target_critic: Critic, polyak_rate: float) -> None:
    """Move the target critic's parameters towards the critic's by the rate (Polyak average)."""
    for parameter, target in zip(critic.parameters(), target_critic.parameters(), strict=True):
        target.lerp_(parameter, polyak_rate)
