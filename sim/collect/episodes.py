"""Episodes by number: each has seeds of its own, so that neither order nor worker matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from sim.collect.manipulation import ManipulationCollector
from sim.collect.names import DatasetName, Split, parse_dataset
from sim.collect.pointmaze import PointmazeCollector
from sim.collect.settings import Settings
from sim.collect.trajectory import Episode
from sim.plants.generator import GlobalGenerator
from vgf_robot.errors import MachineError

_MAX_ATTEMPTS = 50


@dataclass(frozen=True, slots=True, order=True)
class EpisodeKey:
    """Which episode: its file and its index there, from 0."""

    split: Split
    index: int


@final
class EpisodeMaker:
    """Makes any episode of a collection; one environment is built and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._collector = _collector(parse_dataset(settings.dataset), settings)

    def make(self, key: EpisodeKey) -> tuple[Episode, int]:
        """Return the episode, and how often it had to be redone.

        Raises:
            MachineError: No attempt gave a usable episode.
        """
        for attempt in range(_MAX_ATTEMPTS):
            environment_seed, oracle_seed = attempt_seeds(self._settings.seed, key, attempt)
            with GlobalGenerator(oracle_seed).in_place():  # OGBench's oracles know no other generator
                episode = self._collector.episode(environment_seed)
            if episode is not None:
                return episode, attempt
        raise MachineError(
            f"Episode {key.index} of '{self._settings.dataset}' stayed unusable in {_MAX_ATTEMPTS} attempts (the cube "
            "left the reachable area); try another --seed."
        )


def attempt_seeds(seed: int, key: EpisodeKey, attempt: int) -> tuple[int, int]:
    """Return the seeds of an attempt at an episode: the environment's generator's, and NumPy's global one's.

    Args:
        seed: The collection's seed.
        key: The episode. Its place among others plays no part, so a longer collection begins with a shorter one.
        attempt: 0 at first, then how often the episode was redone.
    """
    splits = list(Split)
    sequence = np.random.SeedSequence(seed, spawn_key=(splits.index(key.split), key.index, attempt))
    environment_seed, oracle_seed = sequence.generate_state(2)
    return int(environment_seed), int(oracle_seed)


def _collector(name: DatasetName, settings: Settings) -> ManipulationCollector | PointmazeCollector:
    return ManipulationCollector(name, settings) if name.is_manipulation else PointmazeCollector(name, settings)
