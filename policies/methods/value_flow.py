"""Value gradient flow: the critic learns from transported particles."""

from __future__ import annotations

from torch import Tensor

from policies.batch import Batch
from policies.config import TrainConfig
from policies.methods.method import Method
from policies.models import Models
from policies.next_particles import NextParticles
from policies.optimisers import adam, descend
from policies.targets import move_target, td_loss, td_target


class ValueFlow(Method):
    """VGF: one critic update per batch, through the flow at the next states.

    Args:
        config: The run's configuration.
        models: Its networks.
        next_particles: Reference particles at the next states.

    Source: arXiv 2604.14265, critic training.
    """

    def __init__(self, config: TrainConfig, models: Models, next_particles: NextParticles) -> None:
        self._config = config
        self._models = models
        self._next_particles = next_particles
        self._adam = adam(models.critic, config.critic.learning_rate)
        self.optimisers = {"critic_adam": self._adam}

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Take one gradient update of the critic and move its target; returns loss and values, scalars."""
        models, settings = self._models, self._config.critic
        target = td_target(
            models,
            self._config,
            batch.rewards,
            batch.masks,
            batch.next_observations,
            self._next_particles.of(batch),
        )
        values = models.critic(batch.observations, batch.actions)
        loss = td_loss(values, target)
        descend(self._adam, loss, settings.gradient_clip)
        move_target(models.critic, models.target_critic, settings.polyak_rate)
        return {"critic_loss": loss.detach(), "value_mean": values.detach().mean(), "target_mean": target.mean()}
