"""The three graphs of a tick as torch modules over one state: what is traced, and what parity is checked against."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policies.critic import Aggregation, Critic, aggregate
from policies.networks import expand_observation
from policies.reference import Sampler
from policies.scaling import ActionScaling
from policies.transport import Transport


class ReferenceGraph(nn.Module):
    """Observation (O,) and noise (N, A) to particles (N, A)."""

    def __init__(self, reference: Sampler, num_steps: int) -> None:
        super().__init__()
        self.reference = reference
        self.num_steps = num_steps

    def forward(self, observation: Tensor, noise: Tensor) -> tuple[Tensor]:
        """Draw the particles."""
        return (self.reference(observation, noise, self.num_steps),)


class StepGraph(nn.Module):
    """One transport step, optimiser state in and out; see docs/architecture.md."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self.transport = transport

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Take the step."""
        moved = self.transport(*inputs)
        outputs = [output for output in moved if output is not None]
        # A form without optimiser state would return an input as it is, which a graph's output cannot be.
        return tuple(output.clone() if any(output is given for given in inputs) else output for output in outputs)


class SelectGraph(nn.Module):
    """Choose one particle and bring it into the robot's units.

    argmax(value_weight * values + selection_noise): weight 1 without noise is argmax, weight 0 with uniform noise is
    a uniform choice, weight 1/T with Gumbel noise is softmax at temperature T.
    """

    def __init__(self, critic: Critic, aggregation: Aggregation, action_scaling: ActionScaling) -> None:
        super().__init__()
        self.critic = critic
        self.aggregation: Aggregation = aggregation
        self.action_scaling = action_scaling

    def forward(
        self, observation: Tensor, particles: Tensor, selection_noise: Tensor, value_weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return action (A,), index, values (N,) and the ensemble's standard deviation at the chosen particle."""
        ensemble = self.critic(expand_observation(observation, particles), particles)
        values = aggregate(ensemble, self.aggregation)
        index = torch.argmax(value_weight * values + selection_noise)
        chosen = index.reshape(1)
        action = self.action_scaling(particles.index_select(0, chosen).squeeze(0))
        members = ensemble.index_select(1, chosen).squeeze(1)
        spread = (members - members.mean()).square().mean().sqrt()
        return action, index, values, spread


def example_inputs(kind: str, num_particles: int, observation_size: int, action_size: int) -> tuple[Tensor, ...]:
    """Return inputs of the right shapes and types to trace a graph of this kind with."""
    observation = torch.randn(observation_size)
    particles = torch.rand(num_particles, action_size) * 2 - 1
    if kind == "reference":
        return observation, torch.randn(num_particles, action_size)
    if kind == "select":
        return observation, particles, torch.rand(num_particles), torch.tensor(1.0)
    origin = torch.rand(num_particles, action_size) * 2 - 1
    moments = (torch.randn_like(particles), torch.rand_like(particles))
    return observation, particles, origin, *moments, torch.tensor(1), torch.tensor(0.05), torch.tensor(0.5)
