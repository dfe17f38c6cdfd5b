"""Reference policies: their losses against NumPy, their gradients against finite differences, their samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from policies.reference import FlowReference, GaussianReference, OneStepActor, ReferencePolicy
from tests.unit.policies import oracle

SIZES = (4, 2, (16, 16))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(size: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = generator()
    return torch.randn(size, 4, generator=drawn), torch.rand(size, 2, generator=drawn) * 2 - 1


@pytest.fixture
def gaussian() -> GaussianReference:
    torch.manual_seed(0)
    policy = GaussianReference(*SIZES)
    with torch.no_grad():
        policy.log_deviation.copy_(torch.tensor([-0.5, 0.3]))
    return policy


@pytest.fixture
def flow() -> FlowReference:
    torch.manual_seed(0)
    return FlowReference(*SIZES)


@torch.no_grad()
def test_gaussian_loss_is_the_negative_log_likelihood(gaussian: GaussianReference) -> None:
    observation, action = batch()
    mean = oracle.perceptron(gaussian.mean, oracle.numbers(observation))
    deviation = np.exp([-0.5, 0.3])
    density = np.exp(-0.5 * ((oracle.numbers(action) - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    expected = -np.log(density).sum(-1).mean()
    assert float(gaussian.loss(observation, action, generator())) == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_flow_loss_is_the_error_of_the_straight_velocity(flow: FlowReference) -> None:
    observation, action = batch()
    noise, time = torch.randn(5, 2, generator=generator(1)), torch.rand(5, 1, generator=generator(2))
    z, t, a = (oracle.numbers(tensor) for tensor in (noise, time, action))
    inputs = np.concatenate([oracle.numbers(observation), (1 - t) * z + t * a, t], -1)
    expected = ((oracle.perceptron(flow.velocity, inputs) - (a - z)) ** 2).mean()
    assert float(flow.matching_loss(observation, action, noise, time)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["flow", "gaussian"])
def test_gradients_agree_with_finite_differences(kind: str, request: pytest.FixtureRequest) -> None:
    policy: ReferencePolicy = request.getfixturevalue(kind).double()
    observation, action = (tensor.double() for tensor in batch())

    def loss() -> torch.Tensor:
        if isinstance(policy, FlowReference):
            noise = torch.randn(5, 2, generator=generator(1)).double()
            return policy.matching_loss(observation, action, noise, torch.full((5, 1), 0.3).double())
        return policy.loss(observation, action, generator())

    oracle.check_gradients(loss, policy)


@torch.no_grad()
def test_gaussian_samples_have_its_mean_and_deviation_and_stay_inside(gaussian: GaussianReference) -> None:
    gaussian.log_deviation.fill_(math.log(0.2))
    observation, _ = batch(1)
    samples = gaussian(observation[0], torch.randn(20_000, 2, generator=generator()), 1)
    torch.testing.assert_close(samples.mean(0), gaussian.mean(observation[0]), atol=0.01, rtol=0)
    torch.testing.assert_close(samples.std(0), torch.tensor([0.2, 0.2]), atol=0.01, rtol=0)
    assert gaussian(observation[0], torch.full((1, 2), 100.0), 1).tolist() == [[1.0, 1.0]]


@torch.no_grad()
def test_gaussian_deviations_are_bounded(gaussian: GaussianReference) -> None:
    gaussian.mean[-1].weight.zero_()
    for log_deviation, expected in ((-50.0, math.exp(-5.0)), (50.0, 1.0)):  # at most e^2, and clipped to the box
        gaussian.log_deviation.fill_(log_deviation)
        assert gaussian(torch.zeros(4), torch.ones(1, 2), 1)[0, 0] == pytest.approx(expected)


def test_gaussian_finds_the_mean_and_deviation_of_the_data(gaussian: GaussianReference) -> None:
    drawn = generator()
    observation = torch.zeros(512, 4)
    action = torch.tensor([0.3, -0.4]) + torch.tensor([0.1, 0.4]) * torch.randn(512, 2, generator=drawn)
    adam = torch.optim.Adam(gaussian.parameters(), lr=0.02)
    for _ in range(300):
        adam.zero_grad()
        gaussian.loss(observation, action, drawn).backward()
        adam.step()
    torch.testing.assert_close(gaussian.mean(observation[0]), action.mean(0), atol=0.01, rtol=0)
    torch.testing.assert_close(gaussian.log_deviation.exp(), action.std(0), atol=0.01, rtol=0)


@pytest.mark.parametrize("kind", [FlowReference, GaussianReference, OneStepActor])
@torch.no_grad()
def test_a_batch_of_states_equals_states_one_by_one(kind: type) -> None:
    torch.manual_seed(0)
    sampler = kind(*SIZES)
    steps = 3 if kind is FlowReference else 1
    observation, _ = batch()
    noise = torch.randn(5, 6, 2, generator=generator())
    together = sampler(observation, noise, steps)
    assert together.shape == (5, 6, 2)
    assert together.abs().max() <= 1.0
    for row in range(5):
        torch.testing.assert_close(sampler(observation[row], noise[row], steps), together[row])


@pytest.mark.parametrize("kind", [GaussianReference, OneStepActor])
def test_what_draws_in_one_pass_takes_no_euler_steps(kind: type) -> None:
    with pytest.raises(ValueError, match=r"Expected 1 step .* found 5"):
        kind(*SIZES)(torch.zeros(4), torch.zeros(1, 2), 5)
