"""Amortised value gradient flow: a network learns the critic's gradient, and the flow follows the network."""

from __future__ import annotations

import torch
from torch import Tensor

from policies.batch import Batch
from policies.config import TrainConfig
from policies.critic import value_and_gradient
from policies.methods.method import Method
from policies.methods.value_flow import ValueFlow
from policies.models import Models
from policies.optimisers import adam, descend


class AmortisedFlow(Method):
    """A-VGF: the critic's update of VGF, and a regression of the gradient network beside it.

    Both losses are of the networks as they were before the update, as if taken together.

    Args:
        config: The run's configuration.
        models: Its networks, the gradient network among them.
        flow: The critic's update; its transport already follows the gradient network.

    Raises:
        ValueError: There is no gradient network.

    Source: arXiv 2604.14265, A-VGF: h(s, a) is regressed on the gradient of the aggregated value at the data's
    actions; the flow has no kernel.
    """

    def __init__(self, config: TrainConfig, models: Models, flow: ValueFlow) -> None:
        if models.gradient is None:
            raise ValueError("Expected networks with an amortised gradient, found none; build them for a-vgf.")
        self._config = config
        self._critic = models.critic
        self._network = models.gradient
        self._flow = flow
        self._adam = adam(self._network, config.critic.learning_rate)
        self.optimisers = {**flow.optimisers, "gradient_adam": self._adam}

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Take one gradient update of the critic and one of the gradient network; returns scalars."""
        loss = self._regression(batch)
        metrics = self._flow.update(batch)
        descend(self._adam, loss, self._config.critic.gradient_clip)
        return {**metrics, "gradient_loss": loss.detach()}

    def _regression(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            _, gradient = value_and_gradient(
                self._critic, batch.observations, batch.actions, self._config.transport.aggregation
            )
        return self._network.loss(batch.observations, batch.actions, gradient)
