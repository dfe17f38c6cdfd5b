"""Flow Q-learning: a one-step actor, distilled from the flow and pulled up the critic."""

from __future__ import annotations

import torch
from torch import Tensor

from policies.batch import Batch
from policies.config import FqlConfig, TrainConfig
from policies.critic import aggregate
from policies.methods.method import Method
from policies.models import Models
from policies.optimisers import adam, descend
from policies.shapes import Particles
from policies.targets import aggregate_target, move_target, td_loss


class FlowQLearning(Method):
    """FQL: one pass from noise to action at run time, no step.

    The actor minimises alpha * |mu(s, z) - flow(s, z)|^2 - Q(s, mu(s, z)); the critic bootstraps from the actor. Both
    losses are of the networks as they were before the update, as if taken together.

    Args:
        config: The run's configuration.
        models: Its networks, the one-step actor among them.
        generator: Where the noise comes from.

    Raises:
        ValueError: There is no one-step actor.

    Source: arXiv 2502.02538, the losses of critic and one-step policy, with the constants of its authors' code.
    Deviations: the flow is finished before the actor learns from it, where the authors train them together; layers are
    normalised before the activation, as in every critic here.
    """

    def __init__(self, config: TrainConfig, models: Models, generator: torch.Generator) -> None:
        if models.actor is None:
            raise ValueError("Expected networks with a one-step actor, found none; build them for fql.")
        self._config = config
        self._constants = config.fql or FqlConfig()
        self._models = models
        self._actor = models.actor
        self._generator = generator
        self._critic_adam = adam(models.critic, config.critic.learning_rate)
        self._actor_adam = adam(self._actor, config.reference.learning_rate)
        self.optimisers = {
            "critic_adam": self._critic_adam,
            "actor_adam": self._actor_adam,
        }

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Take one gradient update of actor and critic and move the target; returns scalars."""
        models, settings = self._models, self._config.critic
        target = self._target(batch, self._noise(batch))
        distillation, value = self.actor_terms(batch, self._noise(batch))
        # The actor goes first: its loss reads the critic, which the critic's own step is about to change.
        descend(self._actor_adam, self._constants.alpha * distillation - value, settings.gradient_clip)
        values = models.critic(batch.observations, batch.actions)
        critic_loss = td_loss(values, target)
        descend(self._critic_adam, critic_loss, settings.gradient_clip)
        move_target(models.critic, models.target_critic, settings.polyak_rate)
        return {
            "critic_loss": critic_loss.detach(),
            "distillation_loss": distillation.detach(),
            "actor_value": value.detach(),
            "value_mean": values.detach().mean(),
            "target_mean": target.mean(),
        }

    def actor_terms(self, batch: Batch, noise: Particles) -> tuple[Tensor, Tensor]:
        """Return the distillation error and the value that the actor reaches, scalars.

        Args:
            batch: The transitions.
            noise: Shape (B, 1, A), the same for flow and actor.
        """
        with torch.no_grad():
            taught = self._models.reference(batch.observations, noise, self._config.reference.num_steps)
        answered, distillation = self._actor.distilled(batch.observations, noise, taught)
        action = answered.squeeze(-2).clamp(-1.0, 1.0)
        value = aggregate(self._models.critic(batch.observations, action), "mean")
        if self._constants.normalise_value:
            return distillation, value.mean() / value.detach().abs().mean()
        return distillation, value.mean()

    @torch.no_grad()
    def _target(self, batch: Batch, noise: Particles) -> Tensor:
        settings = self._config.critic
        action = self._actor(batch.next_observations, noise, 1).squeeze(-2)
        next_value = aggregate_target(self._models.target_critic(batch.next_observations, action), settings)
        return batch.rewards + settings.discount * batch.masks * next_value

    def _noise(self, batch: Batch) -> Particles:
        shape = (len(batch.rows), 1, self._config.action_size)
        return torch.randn(shape, generator=self._generator, device=batch.rows.device)
