from __future__ import annotations

from pathlib import Path

import pytest

from sim.collect.collection import collect
from sim.collect.names import DatasetName, parse_dataset
from sim.collect.settings import Asked

STEPS = 60


@pytest.fixture(scope="session")
def cube() -> DatasetName:
    return parse_dataset("cube-single-play-v0")


@pytest.fixture(scope="session")
def maze() -> DatasetName:
    return parse_dataset("pointmaze-medium-navigate-v0")


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory, cube: DatasetName, maze: DatasetName) -> Path:
    """A folder with a small cube, maze, scene and puzzle dataset; read only."""
    folder = tmp_path_factory.mktemp("collected")
    collect(cube, folder, Asked(episodes=2, episode_steps=STEPS), num_workers=1)
    collect(maze, folder, Asked(episodes=3, episode_steps=200), num_workers=1)
    for name in ("scene-noisy-v0", "puzzle-3x3-play-v0"):
        collect(parse_dataset(name), folder, Asked(episodes=1, episode_steps=STEPS), num_workers=1)
    return folder
