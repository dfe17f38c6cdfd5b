"""All parity checks of one variant."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from export.graphs import ReferenceGraph, SelectGraph
from export.parity.check import PARTICLE_LIMIT, Check, array, worst_of
from export.parity.gradient import check_gradient
from export.parity.selection import check_selection
from export.parity.steps import StepErrors
from policies.models import Models
from policies.reference import Sampler
from policies.transport import Transport
from vgf_robot.backends import Graphs
from vgf_robot.bundle import Variant

NUM_GRADIENT_STATES = 64  # central differences need two values per action entry and state


@torch.no_grad()
def check_variant(
    graphs: Graphs,
    models: Models,
    transport: Transport,
    variant: Variant,
    observations: Tensor,
    num_steps: int,
    sampler: Sampler | None = None,
) -> list[Check]:
    """Compare one variant's three graphs with torch.

    Args:
        graphs: The exported graphs, loaded by a backend.
        models: The networks.
        transport: The flow as exported.
        variant: Which N and K.
        observations: Shape (B, O), from the dataset; 256 or more for a receipt.
        num_steps: Step indices 0 to num_steps - 1 are compared at every observation.
        sampler: What the variant draws by; None for what the method does.
    """
    reference, origins = check_reference(graphs, models, variant, observations, sampler)
    steps = StepErrors(graphs, transport)
    arrived = torch.stack(
        [
            steps.follow(state, origin, number, num_steps)
            for number, (state, origin) in enumerate(zip(observations, origins, strict=True))
        ]
    )
    select = SelectGraph(models.critic, transport.aggregation, models.action_scaling)
    gradient = check_gradient(graphs, transport, observations[:NUM_GRADIENT_STATES], arrived[:NUM_GRADIENT_STATES])
    return [reference, *steps.checks(), *check_selection(graphs, select, observations, arrived), gradient]


@torch.no_grad()
def check_reference(
    graphs: Graphs, models: Models, variant: Variant, observations: Tensor, sampler: Sampler | None = None
) -> tuple[Check, Tensor]:
    """Compare the graph that draws with torch; returns the check and torch's particles, shape (B, N, A).

    Args:
        graphs: The exported graphs, loaded by a backend.
        models: The networks.
        variant: Which N and K.
        observations: Shape (B, O), from the dataset.
        sampler: What the variant draws by; None for what the method does.
    """
    generator = torch.Generator().manual_seed(0)
    action_size = models.action_scaling.centre.shape[0]
    noise = torch.randn(len(observations), variant.num_particles, action_size, generator=generator)
    origins = ReferenceGraph(sampler or models.sampler, variant.reference_steps)(observations, noise)[0]
    found = [graphs.reference(array(state), array(z)).copy() for state, z in zip(observations, noise, strict=True)]
    return worst_of("reference particles", [np.abs(np.stack(found) - array(origins))], PARTICLE_LIMIT), origins
