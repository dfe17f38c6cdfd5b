"""Datasets as transitions: OGBench npz and D4RL-layout HDF5."""

from __future__ import annotations

from pathlib import Path

from policies.config import TrainConfig
from policies.datasets import d4rl, ogbench
from policies.datasets.transitions import Transitions, require_actions_inside, require_sizes

__all__ = ["Transitions", "load"]

LAYOUTS = {"ogbench": ogbench.load, "d4rl": d4rl.load}


def load(config: TrainConfig) -> Transitions:
    """Read and check the run's dataset, with rewards scaled and shifted as the configuration says.

    Raises:
        DatasetError: The data is missing, damaged, or of another robot than `task` describes.
    """
    path = Path(config.data.path)
    transitions = LAYOUTS[config.data.layout](path)
    require_sizes(transitions, path, config.observation_size, config.action_size)
    require_actions_inside(transitions, path, *config.action_limits())
    transitions.rewards.mul_(config.data.reward_scale).add_(config.data.reward_shift)
    return transitions
