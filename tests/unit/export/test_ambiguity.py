"""Where rounding decides: found without the graph, and no wider than it must be."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from export.parity.ambiguity import at_kink, decided_particles
from policies.critic import Critic
from policies.gradient_network import GradientNetwork
from policies.networks import expand_observation
from policies.transport import Transport


def make_transport(form: str, hidden: tuple[int, ...] = (32, 32), aggregation: str = "mean", **changes) -> Transport:
    torch.manual_seed(0)
    critic = Critic(4, 3, hidden, ensemble_size=2)
    settings = {"form": form, "optimiser": "adam", "alpha": 0.5, "aggregation": aggregation, **changes}
    return Transport(critic, **settings).requires_grad_(False)


def activation(critic: Critic, observation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """What the first unit of the first member answers before its ReLU."""
    return critic.members[0][:2](torch.cat([observation, action]))[0]


def step_inputs(observation: torch.Tensor, particles: torch.Tensor) -> tuple[torch.Tensor, ...]:
    zero = torch.zeros_like(particles).double()
    scalars = (torch.tensor(0), torch.tensor(0.05).double(), torch.tensor(math.inf).double())
    return observation.double(), particles.double(), particles.double(), zero, zero, *scalars


@torch.no_grad()
def set_with_one_particle_at_a_kink(transport: Transport) -> tuple[torch.Tensor, torch.Tensor]:
    """A state and five particles, of which the third stands where a unit opens."""
    generator = torch.Generator().manual_seed(1)
    observation = torch.randn(4, generator=generator)
    particles = torch.rand(5, 3, generator=generator) - 0.5
    ends = torch.rand(200, 3, generator=generator) * 2 - 1
    signs = torch.stack([activation(transport.critic, observation, end) for end in ends])
    low, high = ends[signs < 0][0].double(), ends[signs > 0][0].double()
    precise = copy.deepcopy(transport.critic).double()
    for _ in range(60):
        middle = (low + high) / 2
        below = activation(precise, observation.double(), middle) < 0
        low, high = (middle, high) if below else (low, middle)
    particles[2] = high.float()
    return observation, particles


@pytest.mark.parametrize("form", ["independent", "svgd"])
@torch.no_grad()
def test_a_kink_spoils_what_it_turns_and_nothing_else(form: str) -> None:
    transport = make_transport(form)
    observation, particles = set_with_one_particle_at_a_kink(transport)
    assert at_kink(transport, observation, particles)
    found = decided_particles(copy.deepcopy(transport).double(), step_inputs(observation, particles))
    assert not found[2]
    assert found.tolist() == [True, True, False, True, True] or form == "svgd"
    elsewhere = particles[[0, 1, 3, 4]]
    assert not at_kink(transport, observation, elsewhere)
    assert decided_particles(copy.deepcopy(transport).double(), step_inputs(observation, elsewhere)).all()


@torch.no_grad()
def test_equal_members_leave_their_minimum_undecided() -> None:
    transport = make_transport("independent", aggregation="min")
    observation, particles = torch.zeros(4), torch.rand(3, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    state = expand_observation(observation, particles)
    values = transport.critic(state, particles)
    transport.critic.members[1][-1].bias += values[0, 1] - values[1, 1]  # the second particle's are now equal
    assert at_kink(transport, observation, particles)
    found = decided_particles(copy.deepcopy(transport).double(), step_inputs(observation, particles))
    assert found.tolist() == [True, False, True]


@torch.no_grad()
def test_a_network_left_as_it_was() -> None:
    transport = make_transport("svgd").double()
    inputs = step_inputs(torch.zeros(4), torch.rand(3, 3) - 0.5)
    before = transport(*inputs)
    decided_particles(transport, inputs)
    assert all(torch.equal(found, expected) for found, expected in zip(transport(*inputs), before, strict=True))


@torch.no_grad()
def test_many_particles_of_wide_networks_are_still_compared() -> None:
    """Of sets of 32 one in eight has a unit at its kink; few of their particles go either way."""
    transport = make_transport("svgd", hidden=(256, 256, 256))
    precise = copy.deepcopy(transport).double()
    generator = torch.Generator().manual_seed(0)
    kinked, undecided, count = 0, 0, 48
    for _ in range(count):
        observation, particles = torch.randn(4, generator=generator), torch.rand(32, 3, generator=generator) - 0.5
        if at_kink(transport, observation, particles):
            kinked += 1
            undecided += int((~decided_particles(precise, step_inputs(observation, particles))).sum())
    assert kinked >= 2
    assert undecided <= 0.05 * 32 * count


@torch.no_grad()
def test_an_amortised_gradient_has_no_kinks() -> None:
    transport = make_transport("independent")
    observation, particles = set_with_one_particle_at_a_kink(transport)
    amortised = make_transport("independent", amortised=GradientNetwork(4, 3, (8,)).requires_grad_(False))
    assert at_kink(transport, observation, particles)
    assert not at_kink(amortised, observation, particles)
