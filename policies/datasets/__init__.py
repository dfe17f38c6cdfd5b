"""Datasets as transitions: OGBench npz, D4RL HDF5 and local Minari datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from policies.config import DataConfig, TrainConfig
from policies.datasets import d4rl, minari, ogbench
from policies.datasets.checks import require_actions_inside, require_sizes
from policies.datasets.rewards import apply_rewards
from policies.datasets.transitions import Transitions

__all__ = ["Transitions", "load"]


def _load_ogbench(path: Path, settings: DataConfig) -> Transitions:
    del settings  # the layout leaves nothing open
    return ogbench.load(path)


def _load_d4rl(path: Path, settings: DataConfig) -> Transitions:
    return d4rl.load(
        path,
        stored_next=settings.next_observations == "stored",
        max_episode_steps=settings.max_episode_steps,
    )


def _load_minari(path: Path, settings: DataConfig) -> Transitions:
    return minari.load(path, observation_keys=settings.observation_keys)


LAYOUTS: dict[str, Callable[[Path, DataConfig], Transitions]] = {
    "ogbench": _load_ogbench,
    "d4rl": _load_d4rl,
    "minari": _load_minari,
}


def load(config: TrainConfig) -> Transitions:
    """Read and check the run's dataset, with rewards as the configuration says.

    Raises:
        DatasetError: The data is missing, damaged, or of another robot than `task` describes.
        MachineError: A package that reads the layout is not installed.
    """
    path = Path(config.data.path)
    transitions = LAYOUTS[config.data.layout](path, config.data)
    require_sizes(transitions, path, config.observation_size, config.action_size)
    require_actions_inside(transitions, path, *config.action_limits())
    apply_rewards(transitions, config.data, path)
    return transitions
