"""How the critic, and what stands beside it, learns from a batch: one class per method."""

from __future__ import annotations

import torch

from policies.config import TrainConfig
from policies.methods.amortised import AmortisedFlow
from policies.methods.flow_q import FlowQLearning
from policies.methods.implicit_q import ImplicitQLearning
from policies.methods.method import Method
from policies.methods.value_flow import ValueFlow
from policies.models import Models
from policies.next_particles import NextParticles

__all__ = ["Method", "new_method"]


def new_method(
    config: TrainConfig, models: Models, next_particles: NextParticles, generator: torch.Generator
) -> Method:
    """Return the configuration's method on these networks.

    Args:
        config: The run's configuration.
        models: Its networks, which the method trains.
        next_particles: Reference particles, for the methods that transport.
        generator: Where the noise of the others comes from.
    """
    if config.method == "ifql":
        return ImplicitQLearning(config, models)
    if config.method == "fql":
        return FlowQLearning(config, models, generator)
    flow = ValueFlow(config, models, next_particles)
    return AmortisedFlow(config, models, flow) if config.method == "a-vgf" else flow
