"""The networks of one run, built from its configuration."""

from __future__ import annotations

import copy

import torch
from torch import nn

from policies.config import TrainConfig
from policies.critic import Critic
from policies.datasets import Transitions
from policies.gradient_network import GradientNetwork
from policies.reference import FlowReference, GaussianReference, OneStepActor, ReferencePolicy, Sampler
from policies.scaling import ActionScaling, ObservationScaling
from policies.state_value import StateValue
from policies.transport import Transport


class Models(nn.Module):
    """Reference policy, critic, its target, what the method adds, and the scalings: what a checkpoint holds.

    Args:
        config: The run's configuration.
        observation_scaling: Shared by the networks; the identity where None (a checkpoint then overwrites it).

    Attributes:
        reference: What the data would do.
        critic: The online critic.
        target_critic: Its slow copy.
        gradient: The amortised gradient of A-VGF, else None.
        value: The value function of IFQL, else None.
        actor: The one-step actor of FQL, else None.
    """

    def __init__(self, config: TrainConfig, observation_scaling: ObservationScaling | None = None) -> None:
        super().__init__()
        scaling = observation_scaling or ObservationScaling.identity(config.observation_size)
        sizes = (config.observation_size, config.action_size)
        policy_hidden, value_hidden = config.reference.hidden_sizes, config.critic.hidden_sizes
        kind = FlowReference if config.reference.kind == "flow" else GaussianReference
        self.reference: ReferencePolicy = kind(*sizes, policy_hidden, copy.deepcopy(scaling))
        self.critic = Critic(*sizes, value_hidden, config.critic.ensemble_size, scaling=copy.deepcopy(scaling))
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        # In the order of methods, after what all have: a seed gives all methods the same reference and critic.
        self.gradient: GradientNetwork | None = None
        self.value: StateValue | None = None
        self.actor: OneStepActor | None = None
        if config.method == "a-vgf":
            self.gradient = GradientNetwork(*sizes, value_hidden, copy.deepcopy(scaling))
        elif config.method == "ifql":
            self.value = StateValue(config.observation_size, value_hidden, copy.deepcopy(scaling))
        elif config.method == "fql":
            self.actor = OneStepActor(*sizes, policy_hidden, copy.deepcopy(scaling))
        low, high = config.action_limits()
        self.action_scaling = ActionScaling(torch.tensor(low), torch.tensor(high))

    @property
    def sampler(self) -> Sampler:
        """What draws the particles of a tick: the one-step actor where there is one, else the reference policy."""
        return self.reference if self.actor is None else self.actor

    def transport(self, config: TrainConfig) -> Transport:
        """Return the flow as the configuration trains with it, on the online critic."""
        flow = config.transport
        return Transport(
            self.critic,
            form=flow.form,
            optimiser=flow.optimiser,
            alpha=flow.alpha,
            aggregation=flow.aggregation,
            amortised=self.gradient,
        )


def new_models(config: TrainConfig, transitions: Transitions) -> Models:
    """Return freshly initialised networks; weights depend on the seed alone."""
    torch.manual_seed(config.seed)
    scaling = None
    if config.data.observation_scaling == "standard":
        scaling = ObservationScaling.standard(transitions.observations)
    return Models(config, scaling).to(config.device)
