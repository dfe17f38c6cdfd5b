"""The networks of one run, built from its configuration."""

from __future__ import annotations

import copy

import torch
from torch import nn

from policies.config import TrainConfig
from policies.critic import Critic
from policies.datasets import Transitions
from policies.reference import ReferencePolicy
from policies.scaling import ActionScaling, ObservationScaling
from policies.transport import Transport


class Models(nn.Module):
    """Reference policy, critic, its target, and the scalings; what a checkpoint holds.

    Args:
        config: The run's configuration.
        observation_scaling: Shared by the networks; the identity where None (a checkpoint then overwrites it).
    """

    def __init__(self, config: TrainConfig, observation_scaling: ObservationScaling | None = None) -> None:
        super().__init__()
        scaling = observation_scaling or ObservationScaling.identity(config.observation_size)
        sizes = (config.observation_size, config.action_size)
        self.reference = ReferencePolicy(*sizes, config.reference.hidden_sizes, copy.deepcopy(scaling))
        self.critic = Critic(
            *sizes, config.critic.hidden_sizes, config.critic.ensemble_size, scaling=copy.deepcopy(scaling)
        )
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        low, high = config.action_limits()
        self.action_scaling = ActionScaling(torch.tensor(low), torch.tensor(high))

    def transport(self, config: TrainConfig) -> Transport:
        """Return the flow as the configuration trains with it, on the online critic."""
        flow = config.transport
        return Transport(
            self.critic, form=flow.form, optimiser=flow.optimiser, alpha=flow.alpha, aggregation=flow.aggregation
        )


def new_models(config: TrainConfig, transitions: Transitions) -> Models:
    """Return freshly initialised networks; weights depend on the seed alone."""
    torch.manual_seed(config.seed)
    scaling = None
    if config.data.observation_scaling == "standard":
        scaling = ObservationScaling.standard(transitions.observations)
    return Models(config, scaling).to(config.device)
