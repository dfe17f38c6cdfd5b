"""Hidden layers in bfloat16: everything else stays float32, and the answers stay near."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from policies import datasets
from policies.config import TrainConfig
from policies.critic import Critic, value_and_gradient
from policies.networks import mlp, set_low_precision
from policies.run_folder import RunFolder
from policies.training import Trainer
from tests.runs import write_config
from vgf_robot import config as yaml_config


@pytest.fixture
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(6, 3, (64, 64), ensemble_size=2)


def states() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(200, 6, generator=generator), torch.rand(200, 3, generator=generator) * 2 - 1


@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_output_layer_is_float32_and_the_hidden_ones_are_not(layer_norm: bool) -> None:
    network, seen = mlp(4, (8, 8), 2, layer_norm=layer_norm), []
    for layer in network:
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output.dtype))
    set_low_precision(network, True)
    assert network(torch.ones(3, 4)).dtype is torch.float32
    assert seen[-1] is torch.float32
    assert set(seen[:-1]) == {torch.bfloat16}
    set_low_precision(network, False)
    seen.clear()
    network(torch.ones(3, 4))
    assert set(seen) == {torch.float32}


def test_values_keep_their_last_digits(critic: Critic) -> None:
    """A value of some hundreds still changes by less than one: only hidden layers are rounded."""
    with torch.no_grad():
        for member in critic.members:
            member[-1].bias.fill_(-300.0)
        exact = critic(*states())
        set_low_precision(critic, True)
        found = critic(*states())
    assert (found - exact).abs().max() < 0.05
    assert len(found.unique()) > 300  # bfloat16 has steps of 2 there


def test_gradients_point_the_same_way(critic: Critic) -> None:
    observation, action = states()
    _, exact = value_and_gradient(critic, observation, action, "mean")
    set_low_precision(critic, True)
    _, found = value_and_gradient(critic, observation, action, "mean")
    assert found.dtype is torch.float32
    assert torch.nn.functional.cosine_similarity(found, exact, dim=-1).quantile(0.05) > 0.98
    loss = critic(observation, action).square().mean()
    assert all(gradient.dtype is torch.float32 for gradient in torch.autograd.grad(loss, list(critic.parameters())))


def test_training_starts_alike_and_is_kept_in_float32(tmp_path: Path) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        config = yaml_config.load(write_config(tmp_path, precision=precision), TrainConfig)
        trainer = Trainer(config, datasets.load(config))
        first = float(trainer.update_reference())
        trainer.fill_cache(lambda _count: None)
        losses[precision] = (first, *(float(trainer.update_critic()["critic_loss"]) for _ in range(10)))
        assert all(not t.is_floating_point() or t.dtype is torch.float32 for t in trainer.state().values())
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


def test_a_loaded_run_computes_in_float32(tmp_path: Path) -> None:
    config = yaml_config.load(write_config(tmp_path, precision="bfloat16"), TrainConfig)
    transitions = datasets.load(config)
    trainer, run = Trainer(config, transitions), RunFolder.create(tmp_path / "run", config, transitions)
    models, _ = run.load_models(run.write_checkpoint(trainer.state(), trainer.progress))
    observation, action = transitions.observations[:5], transitions.actions[:5] / 2
    with torch.no_grad():
        rounded = trainer.models.critic(observation, action)
        set_low_precision(trainer.models, False)
        assert torch.equal(models.critic(observation, action), trainer.models.critic(observation, action))
        assert not torch.equal(models.critic(observation, action), rounded)
