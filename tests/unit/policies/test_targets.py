"""TD targets: every way in which values of an ensemble and of particles become one, against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.config import TrainConfig, validate
from policies.critic import lower_confidence_bound
from policies.models import Models
from policies.targets import td_loss, td_target
from tests.runs import write_config
from tests.unit.policies import oracle
from vgf_robot import config as yaml_config


@given(
    seed=st.integers(0, 10_000), size=st.integers(1, 7), kappa=st.floats(0, 10), scale=st.sampled_from([1e-3, 1, 1e3])
)
@settings(deadline=None, max_examples=30)
def test_lower_bound_is_mean_less_deviations_for_any_ensemble(seed: int, size: int, kappa: float, scale: float) -> None:
    values = np.random.default_rng(seed).normal(size=(size, 4, 3)) * scale
    found = lower_confidence_bound(torch.from_numpy(values), kappa).numpy()
    np.testing.assert_allclose(found, values.mean(0) - kappa * values.std(0), rtol=1e-9, atol=1e-9 * scale)
    assert (found <= values.mean(0) + 1e-9 * scale).all()


def test_lower_bound_of_one_is_its_value_and_of_two_their_minimum() -> None:
    values = torch.tensor([[1.0, -5.0, 2.0], [3.0, -6.0, 2.0]])
    torch.testing.assert_close(lower_confidence_bound(values, 1.0), values.amin(0))
    assert torch.equal(lower_confidence_bound(values[:1], 5.0), values[0])


AGGREGATIONS = {
    "mean": lambda values: values.mean(0),
    "min": lambda values: values.min(0),
    "lcb": lambda values: values.mean(0) - 0.7 * values.std(0),
}


@pytest.mark.parametrize("ensemble_size", [1, 2, 5])
@pytest.mark.parametrize("aggregation", sorted(AGGREGATIONS))
@pytest.mark.parametrize("selection", ["mean", "max"])
def test_target_agrees_with_numpy(tmp_path: Path, ensemble_size: int, aggregation: str, selection: str) -> None:
    critic = {
        "hidden_sizes": [16, 16],
        "ensemble_size": ensemble_size,
        "discount": 0.9,
        "target_aggregation": aggregation,
        "target_selection": selection,
        "lcb_kappa": 0.7 if aggregation == "lcb" else None,
    }
    flow = {"num_particles": 3, "num_steps": 0}  # so that the particles are known; the flow has tests of its own
    config = validate(yaml_config.load(write_config(tmp_path, critic=critic, transport=flow), TrainConfig))
    torch.manual_seed(3)
    models = Models(config)
    generator = torch.Generator().manual_seed(0)
    observation = torch.randn(6, 4, generator=generator)
    particles = torch.rand(6, 3, 2, generator=generator) * 2 - 1
    reward, mask = torch.randn(6, generator=generator), torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    found = td_target(models, config, reward, mask, observation, particles)
    state = np.repeat(oracle.numbers(observation)[:, None], 3, axis=1)
    values = AGGREGATIONS[aggregation](oracle.critic(models.target_critic, state, oracle.numbers(particles)))
    chosen = values.max(-1) if selection == "max" else values.mean(-1)
    expected = oracle.numbers(reward) + 0.9 * oracle.numbers(mask) * chosen
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_loss_sums_over_the_ensemble_and_averages_over_the_batch() -> None:
    values, target = torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.tensor([0.0, 1.0])
    assert float(td_loss(values, target)) == pytest.approx((1 + 1) / 2 + (0 + 16) / 2)
