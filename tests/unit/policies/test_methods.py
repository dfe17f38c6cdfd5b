"""The methods' updates: every loss against NumPy, its gradients against finite differences, what it leaves alone."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from policies import datasets
from policies.batch import Batch
from policies.config import TrainConfig, validate
from policies.critic import aggregate, value_and_gradient
from policies.gradient_network import GradientNetwork
from policies.methods import new_method
from policies.methods.flow_q import FlowQLearning
from policies.models import Models, new_models
from policies.next_particles import NextParticles
from policies.state_value import StateValue, expectile_loss
from tests.runs import write_config
from tests.unit.policies import oracle
from vgf_robot import config as yaml_config

METHODS = {
    "vgf": {"transport": {"num_particles": 3, "num_steps": 2, "samples_per_state": 0}},
    "a-vgf": {"transport": {"form": "independent", "num_particles": 3, "num_steps": 2, "samples_per_state": 0}},
    "ifql": {"ifql": {"expectile": 0.9}},
    "fql": {"fql": {"alpha": 3.0}},
}
CRITIC = {"hidden_sizes": [16, 16], "target_aggregation": "min", "discount": 0.9, "learning_rate": 1e-3}


class Made:
    """A method on fresh networks, a batch, and copies of the networks as they were before any update."""

    def __init__(self, folder: Path, method: str, **changes) -> None:
        content = {"method": method, "critic": CRITIC, **METHODS[method], **changes}
        self.config = validate(yaml_config.load(write_config(folder, **content), TrainConfig))
        transitions = datasets.load(self.config)
        self.models: Models = new_models(self.config, transitions)
        with torch.no_grad():  # so that the target critic is not by chance the critic
            for parameter in self.models.target_critic.parameters():
                parameter.add_(0.01 * torch.randn(parameter.shape))
        self.generator = torch.Generator().manual_seed(7)
        self.next_particles = NextParticles(self.config, self.models.reference, self.generator)
        self.method = new_method(self.config, self.models, self.next_particles, self.generator)
        rows = torch.arange(0, 100, 7)
        self.batch = Batch(
            rows=rows,
            observations=transitions.observations[rows],
            actions=self.models.action_scaling.normalise(transitions.actions[rows]),
            rewards=transitions.rewards[rows],
            masks=(rows % 3 > 0).float(),
            next_observations=transitions.next_observations[rows],
        )
        self.before = copy.deepcopy(self.models)

    def arrays(self) -> tuple[np.ndarray, ...]:
        each = self.batch
        fields = (each.observations, each.actions, each.rewards, each.masks, each.next_observations)
        return tuple(oracle.numbers(field) for field in fields)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_expectile_loss_weighs_the_two_sides() -> None:
    difference = np.random.default_rng(0).normal(size=50)
    expected = np.where(difference >= 0, 0.9, 0.1) * difference**2
    assert float(expectile_loss(torch.from_numpy(difference), 0.9)) == pytest.approx(expected.mean())
    assert float(expectile_loss(torch.from_numpy(difference), 0.5)) == pytest.approx((difference**2).mean() / 2)


def test_the_expectile_of_numbers_is_where_its_loss_is_least() -> None:
    numbers, value = torch.tensor([0.0, 1.0, 2.0, 9.0]), torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([value], lr=0.05)
    for _ in range(800):
        adam.zero_grad()
        expectile_loss(numbers - value, 0.9).backward()
        adam.step()
    above, below = (numbers - value).clamp_min(0).sum(), (value - numbers).clamp_min(0).sum()
    assert float((0.9 * above / (0.1 * below)).detach()) == pytest.approx(1.0, rel=0.02)


def test_implicit_q_learning_agrees_with_numpy(tmp_path: Path) -> None:
    made = Made(tmp_path, "ifql")
    observations, actions, rewards, masks, following = made.arrays()
    before = made.before
    value = oracle.perceptron(before.value.value, observations)[..., 0]
    next_value = oracle.perceptron(before.value.value, following)[..., 0]
    difference = oracle.critic(before.target_critic, observations, actions).min(0) - value
    target = rewards + 0.9 * masks * next_value
    values = oracle.critic(before.critic, observations, actions)
    metrics = made.method.update(made.batch)
    expected = {
        "value_loss": (np.where(difference >= 0, 0.9, 0.1) * difference**2).mean(),
        "critic_loss": ((values - target) ** 2).mean(-1).sum(),
        "value_mean": values.mean(),
        "target_mean": target.mean(),
    }
    assert {key: float(found) for key, found in metrics.items()} == pytest.approx(expected, rel=1e-4)


def flow_action(reference, observations: np.ndarray, noise: np.ndarray, num_steps: int) -> np.ndarray:
    action = noise
    for k in range(num_steps):
        time = np.full((len(noise), 1), k / num_steps)
        action = action + oracle.perceptron(reference.velocity, np.concatenate([observations, action, time], -1)) / (
            num_steps
        )
    return action.clip(-1, 1)


@pytest.mark.parametrize("normalise", [False, True])
def test_flow_q_learning_agrees_with_numpy(tmp_path: Path, normalise: bool) -> None:
    made = Made(tmp_path, "fql", fql={"alpha": 3.0, "normalise_value": normalise})
    observations, actions, rewards, masks, following = made.arrays()
    drawn = torch.Generator().manual_seed(7)
    next_noise, noise = (oracle.numbers(torch.randn(len(actions), 1, 2, generator=drawn))[:, 0] for _ in range(2))
    before = made.before
    next_action = oracle.perceptron(before.actor.action, np.concatenate([following, next_noise], -1)).clip(-1, 1)
    target = rewards + 0.9 * masks * oracle.critic(before.target_critic, following, next_action).min(0)
    answered = oracle.perceptron(before.actor.action, np.concatenate([observations, noise], -1))
    taught = flow_action(before.reference, observations, noise, made.config.reference.num_steps)
    reached = oracle.critic(before.critic, observations, answered.clip(-1, 1)).mean(0)
    values = oracle.critic(before.critic, observations, actions)
    metrics = made.method.update(made.batch)
    expected = {
        "distillation_loss": ((answered - taught) ** 2).mean(),
        "actor_value": reached.mean() / (abs(reached).mean() if normalise else 1.0),
        "critic_loss": ((values - target) ** 2).mean(-1).sum(),
        "value_mean": values.mean(),
        "target_mean": target.mean(),
    }
    assert {key: float(found) for key, found in metrics.items()} == pytest.approx(expected, rel=1e-4)


def test_amortised_regression_agrees_with_numpy(tmp_path: Path) -> None:
    made = Made(tmp_path, "a-vgf")
    observations, actions, *_ = made.arrays()
    slopes = []
    for entry in range(2):
        offset = np.zeros(2)
        offset[entry] = 1e-6
        above, below = (
            oracle.critic(made.before.critic, observations, actions + sign * offset).mean(0) for sign in (1, -1)
        )
        slopes.append((above - below) / 2e-6)
    predicted = oracle.perceptron(made.before.gradient.gradient, np.concatenate([observations, actions], -1))
    expected = ((predicted - np.stack(slopes, -1)) ** 2).mean()
    assert float(made.method.update(made.batch)["gradient_loss"]) == pytest.approx(expected, rel=1e-3)


def test_amortised_flow_follows_the_network_and_not_the_critic(tmp_path: Path) -> None:
    made = Made(tmp_path, "a-vgf")
    transport = made.models.transport(made.config)
    particles = torch.zeros(len(made.batch.rows), 3, 2)
    settings = {"num_steps": 1, "step_size": 0.1, "max_distance": torch.inf}
    with torch.no_grad():
        state = made.batch.observations[:, None].expand(-1, 3, -1)
        sign = torch.sign(made.models.gradient(state, particles))
        before = transport.flow(made.batch.observations, particles, **settings)
        for parameter in made.models.critic.parameters():
            parameter.neg_()
        after = transport.flow(made.batch.observations, particles, **settings)
    torch.testing.assert_close(before, 0.1 * sign, atol=1e-4, rtol=0)
    assert torch.equal(before, after)


def test_gradients_agree_with_finite_differences(tmp_path: Path) -> None:
    made = Made(tmp_path, "fql")
    models = made.models.double()
    each = made.batch
    fields = ("observations", "actions", "rewards", "masks", "next_observations")
    batch = Batch(rows=each.rows, **{name: getattr(each, name).double() for name in fields})
    noise = torch.randn(len(each.rows), 1, 2, generator=torch.Generator().manual_seed(0)).double() * 0.3
    method = made.method
    assert isinstance(method, FlowQLearning)

    def actor_loss() -> torch.Tensor:
        distillation, value = method.actor_terms(batch, noise)
        return 3.0 * distillation - value

    oracle.check_gradients(actor_loss, models.actor)
    torch.manual_seed(1)
    network, value = GradientNetwork(4, 2, (16,)).double(), StateValue(4, (16,)).double()
    gradient = value_and_gradient(models.critic, batch.observations, batch.actions, "mean")[1]
    oracle.check_gradients(lambda: network.loss(batch.observations, batch.actions, gradient), network)
    oracle.check_gradients(lambda: expectile_loss(batch.rewards - value(batch.observations), 0.9), value)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_critic_moves_by_its_own_loss_alone(tmp_path: Path, method: str) -> None:
    """Actor, value function and gradient network learn through the critic without leaving a trace in it."""
    made, alone = Made(tmp_path, method), Made(tmp_path, method)
    metrics = made.method.update(made.batch)
    adam = torch.optim.Adam(alone.models.critic.parameters(), lr=1e-3)
    target = _target(alone)
    values = alone.models.critic(alone.batch.observations, alone.batch.actions)
    loss = (values - target).square().mean(-1).sum()
    loss.backward()
    adam.step()
    torch.testing.assert_close(metrics["critic_loss"], loss.detach())
    for found, expected in zip(made.models.critic.parameters(), alone.models.critic.parameters(), strict=True):
        torch.testing.assert_close(found, expected)
    for found, expected in zip(made.models.reference.parameters(), made.before.reference.parameters(), strict=True):
        assert torch.equal(found, expected)


@torch.no_grad()
def _target(made: Made) -> torch.Tensor:
    models, batch = made.models, made.batch
    following = batch.next_observations
    if made.config.method == "ifql":
        return batch.rewards + 0.9 * batch.masks * models.value(following)
    if made.config.method == "fql":
        noise = torch.randn(len(batch.rows), 1, 2, generator=made.generator)
        action = models.actor(following, noise, 1)[:, 0]
        return batch.rewards + 0.9 * batch.masks * models.target_critic(following, action).amin(0)
    noise = torch.randn(len(batch.rows), 3, 2, generator=made.generator)
    origin = models.reference(following, noise, made.config.reference.num_steps)
    moved = models.transport(made.config).flow(following, origin, num_steps=2, step_size=0.05, max_distance=torch.inf)
    state = following[:, None].expand(-1, 3, -1)
    return batch.rewards + 0.9 * batch.masks * models.target_critic(state, moved).amin(0).mean(-1)


def test_the_gradient_network_learns_the_gradient(tmp_path: Path) -> None:
    made = Made(tmp_path, "a-vgf")
    losses = [float(made.method.update(made.batch)["gradient_loss"]) for _ in range(150)]
    assert losses[-1] < 0.3 * max(losses)


def test_the_actor_climbs_where_the_weight_of_the_flow_is_small_and_follows_it_where_it_is_large(
    tmp_path: Path,
) -> None:
    ends = {}
    for alpha in (0.0, 1e4):
        made = Made(tmp_path, "fql", fql={"alpha": alpha}, reference={"hidden_sizes": [16], "learning_rate": 3e-3})
        first = made.method.update(made.batch)
        for _ in range(150):
            last = made.method.update(made.batch)
        ends[alpha] = (last["actor_value"] - first["actor_value"], last["distillation_loss"])
    assert ends[0.0][0] > ends[1e4][0]
    assert ends[1e4][1] < 0.5 * ends[0.0][1]


def test_a_seed_gives_every_method_the_same_critic_and_reference(tmp_path: Path) -> None:
    made = [Made(tmp_path, method).models for method in METHODS]
    for models in made[1:]:
        for part in ("critic", "reference"):
            pairs = zip(getattr(models, part).parameters(), getattr(made[0], part).parameters(), strict=True)
            assert all(torch.equal(found, expected) for found, expected in pairs)


@pytest.mark.parametrize(("method", "part"), [("a-vgf", "gradient"), ("ifql", "value"), ("fql", "actor")])
def test_networks_of_another_method_are_refused(tmp_path: Path, method: str, part: str) -> None:
    made = Made(tmp_path, method)
    setattr(made.models, part, None)
    with pytest.raises(ValueError, match=f"found none; build them for {method}"):
        new_method(made.config, made.models, made.next_particles, made.generator)


def test_values_are_of_the_ensembles_mean_for_the_actor(tmp_path: Path) -> None:
    made = Made(tmp_path, "fql")
    noise = torch.zeros(len(made.batch.rows), 1, 2)
    with torch.no_grad():
        _, value = made.method.actor_terms(made.batch, noise)
        action = made.models.actor(made.batch.observations, noise, 1)[:, 0]
        expected = aggregate(made.models.critic(made.batch.observations, action), "mean").mean()
    torch.testing.assert_close(value, expected)
