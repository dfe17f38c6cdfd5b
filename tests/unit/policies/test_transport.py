"""Properties of the flow that golden vectors cannot show."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.critic import Critic, aggregate
from policies.kernel import squared_bandwidth
from policies.networks import expand_observation
from policies.transport import Transport

FORMS = ("svgd", "smoothed", "independent")


def make_transport(form: str = "svgd", optimiser: str = "adam", aggregation: str = "mean", seed: int = 0) -> Transport:
    torch.manual_seed(seed)
    critic = Critic(4, 3, (16, 16), ensemble_size=2)
    return Transport(critic, form=form, optimiser=optimiser, alpha=0.5, aggregation=aggregation).requires_grad_(False)


def random_state(seed: int, num_particles: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, generator=generator), torch.rand(num_particles, 3, generator=generator) * 1.8 - 0.9


@pytest.mark.parametrize("num_particles", [1, 2, 3, 4, 7, 10])
def test_bandwidth_is_numpys_median_over_all_pairs(num_particles: int) -> None:
    particles = torch.rand(3, num_particles, 2)
    squared = (particles[:, :, None] - particles[:, None]).square().sum(-1)
    median = np.median(squared.reshape(3, -1).numpy(), axis=1)
    expected = np.maximum(median / (2 * math.log(num_particles + 1)), 1e-12)
    np.testing.assert_allclose(squared_bandwidth(squared).numpy(), expected, rtol=1e-5)


@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
@settings(deadline=None, max_examples=25)
def test_a_step_treats_particles_alike(seed: int, order: list[int]) -> None:
    """Permuting the particles before a step permutes what it returns."""
    observation, particles = random_state(seed)
    for form in FORMS:
        transport = make_transport(form)
        values, gradient = transport.value_and_gradient(observation, particles)
        phi = transport.direction(particles, gradient)
        values_after, gradient_after = transport.value_and_gradient(observation, particles[order])
        torch.testing.assert_close(values_after, values[order])
        torch.testing.assert_close(
            transport.direction(particles[order], gradient_after), phi[order], atol=1e-5, rtol=1e-4
        )


@given(
    seed=st.integers(0, 10_000),
    max_distance=st.floats(1e-3, 1.0),
    step_size=st.floats(1e-3, 2.0),
    form=st.sampled_from(FORMS),
    optimiser=st.sampled_from(["adam", "plain"]),
)
@settings(deadline=None, max_examples=40)
def test_no_particle_leaves_its_ball_or_the_box(
    seed: int, max_distance: float, step_size: float, form: str, optimiser: str
) -> None:
    observation, origin = random_state(seed)
    moved = make_transport(form, optimiser).flow(
        observation, origin, num_steps=3, step_size=step_size, max_distance=max_distance
    )
    assert (moved - origin).norm(dim=-1).max() <= max_distance * (1 + 1e-5) + 1e-6
    assert moved.abs().max() <= 1.0 + 1e-6


@pytest.mark.parametrize("aggregation", ["mean", "min"])
def test_gradient_agrees_with_finite_differences(aggregation: str) -> None:
    transport = make_transport(aggregation=aggregation).double()
    observation, particles = (tensor.double() for tensor in random_state(3))
    _, gradient = transport.value_and_gradient(observation, particles)
    state = expand_observation(observation, particles)
    for entry in range(3):
        offset = torch.zeros_like(particles)
        offset[:, entry] = 1e-6
        slope = (
            transport.aggregated(state, particles + offset) - transport.aggregated(state, particles - offset)
        ) / 2e-6
        torch.testing.assert_close(gradient[:, entry], slope, atol=1e-6, rtol=1e-5)


def test_one_particle_moves_alike_in_every_form_under_adam() -> None:
    """Alone, a particle has no kernel and no repulsion, and Adam takes no notice of the factor 1 / alpha."""
    observation, origin = random_state(5, num_particles=1)
    ends = [
        make_transport(form).flow(observation, origin, num_steps=4, step_size=0.05, max_distance=math.inf)
        for form in FORMS
    ]
    torch.testing.assert_close(ends[0], ends[1])
    torch.testing.assert_close(ends[0], ends[2], atol=1e-5, rtol=0)


def test_first_adam_step_moves_every_coordinate_by_the_step_size() -> None:
    observation, origin = random_state(6)
    moved = make_transport("independent").flow(observation, origin, num_steps=1, step_size=0.05, max_distance=math.inf)
    torch.testing.assert_close((moved - origin).abs(), torch.full_like(origin, 0.05), atol=1e-5, rtol=0)


def test_no_steps_leave_particles_where_they_are() -> None:
    observation, origin = random_state(7)
    moved = make_transport().flow(observation, origin, num_steps=0, step_size=0.05, max_distance=math.inf)
    assert torch.equal(moved, origin)


def test_ensemble_becomes_one_value() -> None:
    values = torch.tensor([[1.0, 5.0], [3.0, 2.0]])
    assert aggregate(values, "mean").tolist() == [2.0, 3.5]
    assert aggregate(values, "min").tolist() == [1.0, 2.0]


def test_a_batch_of_states_equals_states_one_by_one() -> None:
    transport = make_transport()
    pairs = [random_state(seed) for seed in range(3)]
    observations, origins = (torch.stack(tensors) for tensors in zip(*pairs, strict=True))
    settings_ = {"num_steps": 3, "step_size": 0.05, "max_distance": 0.1}
    together = transport.flow(observations, origins, **settings_)
    for row, (observation, origin) in enumerate(pairs):
        torch.testing.assert_close(transport.flow(observation, origin, **settings_), together[row], atol=1e-5, rtol=0)
