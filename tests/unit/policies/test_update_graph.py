"""A replayed update learns what the eager one learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from policies import datasets
from policies.config import TrainConfig
from policies.training import Trainer
from policies.update_graph import WARM_UP_UPDATES, UpdateGraph
from tests.runs import write_config
from vgf_robot import config as yaml_config

METHODS = {
    "vgf": {},
    "a-vgf": {"transport": {"form": "independent", "num_particles": 3, "num_steps": 2, "samples_per_state": 4}},
    "ifql": {},
    "fql": {"fql": {"alpha": 3.0}},
}


def test_on_a_cpu_every_call_is_an_update() -> None:
    calls: list[int] = []

    def update() -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"loss": torch.tensor(float(len(calls)))}

    graph = UpdateGraph(update, torch.Generator())
    assert [float(graph()["loss"]) for _ in range(WARM_UP_UPDATES + 3)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
@pytest.mark.parametrize("method", sorted(METHODS))
def test_on_a_gpu_the_graph_learns_what_eager_updates_learn(tmp_path: Path, method: str) -> None:
    """The noise differs from graph to eager, so the losses are compared after some learning, not bit by bit."""
    config = yaml_config.load(write_config(tmp_path, method=method, device="cuda", **METHODS[method]), TrainConfig)
    losses: list[float] = []
    for graphed in (True, False):
        trainer = Trainer(config, datasets.load(config))
        if not graphed:
            trainer._critic_update._on_gpu = False
        trainer.fill_cache(lambda _count: None)
        history = [float(trainer.update_critic()["critic_loss"]) for _ in range(200)]
        assert sum(history[-20:]) < sum(history[:20])
        losses.append(sum(history[-20:]) / 20)
    assert losses[0] == pytest.approx(losses[1], rel=0.5)
