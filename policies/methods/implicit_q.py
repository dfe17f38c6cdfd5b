"""Implicit flow Q-learning: the critic never asks for an action that the data does not have."""

from __future__ import annotations

import torch
from torch import Tensor

from policies.batch import Batch
from policies.config import IfqlConfig, TrainConfig
from policies.methods.method import Method
from policies.models import Models
from policies.optimisers import adam, descend
from policies.state_value import expectile_loss
from policies.targets import aggregate_target, move_target, td_loss


class ImplicitQLearning(Method):
    """IFQL: an expectile value function and a critic that bootstraps from it; at run time best-of-N, no step.

    V(s) learns the expectile of the target critic's values at the data's actions, Q(s, a) learns r + discount V(s').
    Both losses are of the networks as they were before the update, as if taken together.

    Args:
        config: The run's configuration; the published critics use `target_aggregation: min`, expectile 0.9 and
            N = 32.
        models: Its networks, the value function among them.

    Raises:
        ValueError: There is no value function.

    Source: arXiv 2110.06169, equations 5 and 6, with the flow policy of arXiv 2502.02538 (IFQL). Deviation: the
    reference policy is finished before the critic begins; the losses share no parameter.
    """

    def __init__(self, config: TrainConfig, models: Models) -> None:
        if models.value is None:
            raise ValueError("Expected networks with a value function, found none; build them for ifql.")
        self._settings = config.critic
        self._expectile = (config.ifql or IfqlConfig()).expectile
        self._models = models
        self._value = models.value
        self._critic_adam = adam(models.critic, config.critic.learning_rate)
        self._value_adam = adam(self._value, config.critic.learning_rate)
        self.optimisers = {
            "critic_adam": self._critic_adam,
            "value_adam": self._value_adam,
        }

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Take one gradient update of value function and critic and move the target; returns scalars."""
        models, settings = self._models, self._settings
        with torch.no_grad():
            target = batch.rewards + settings.discount * batch.masks * self._value(batch.next_observations)
            data_value = aggregate_target(models.target_critic(batch.observations, batch.actions), settings)
        value_loss = expectile_loss(data_value - self._value(batch.observations), self._expectile)
        values = models.critic(batch.observations, batch.actions)
        critic_loss = td_loss(values, target)
        descend(self._value_adam, value_loss, settings.gradient_clip)
        descend(self._critic_adam, critic_loss, settings.gradient_clip)
        move_target(models.critic, models.target_critic, settings.polyak_rate)
        return {
            "critic_loss": critic_loss.detach(),
            "value_loss": value_loss.detach(),
            "value_mean": values.detach().mean(),
            "target_mean": target.mean(),
        }
