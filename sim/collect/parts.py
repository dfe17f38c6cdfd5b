"""The finished episodes of an unfinished dataset, one file each, and the settings that they were made with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np

from sim.collect.archive import read_arrays, replacing, write_archive
from sim.collect.episodes import EpisodeKey
from sim.collect.names import DatasetName, Split
from sim.collect.settings import Settings, difference
from sim.collect.trajectory import Episode
from vgf_robot import config
from vgf_robot.errors import ConfigError, DatasetError

_SETTINGS = "settings.yaml"
_REDONE = "redone"


@final
class Parts:
    """A hidden folder beside the dataset, `.NAME.parts/`, gone once the dataset is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def beside(out: Path, name: DatasetName) -> Parts:
        """Return the parts of a dataset in the folder `out`."""
        return Parts(out / f".{name}.parts")

    def settings(self) -> Settings | None:
        """Return the settings of the collection that was begun here, or None."""
        path = self.folder / _SETTINGS
        return config.load(path, Settings) if path.exists() else None

    def begin(self, settings: Settings) -> None:
        """Make the folder, or go on in it; only the number of episodes may have changed.

        Raises:
            ConfigError: The episodes that are there were made with other settings.
        """
        found = self.settings()
        differs = found and difference(found, settings, ignore=("episodes",))
        if differs:
            raise ConfigError(
                f"{self.folder} holds episodes made with {differs}; repeat the first command to go on, or remove that "
                "folder to begin anew."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / _SETTINGS) as temporary:
            config.dump(settings, temporary)

    def has(self, key: EpisodeKey) -> bool:
        """Return whether an episode is there."""
        return self._path(key).exists()

    def store(self, key: EpisodeKey, episode: Episode, redone: int) -> None:
        """Keep a finished episode.

        Args:
            key: Which one.
            episode: Its arrays.
            redone: How often it had to be redone.
        """
        with replacing(self._path(key)) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **episode, **{_REDONE: np.array(redone)})

    def num_redone(self, settings: Settings) -> int:
        """Return how many episodes had to be redone, over the whole collection."""
        return sum(int(self._read(key, _REDONE)) for key in episode_keys(settings))

    def assemble(self, settings: Settings, split: Split, path: Path) -> None:
        """Write one file of the dataset out of its episodes.

        Raises:
            DatasetError: An episode's file is damaged.
        """
        keys = [key for key in episode_keys(settings) if key.split is split]
        first = self._path(keys[0])
        with np.load(first, allow_pickle=False) as archive:
            names = [name for name in archive.files if name != _REDONE]

        def chunks(name: str) -> Iterator[np.ndarray]:
            return (self._read(key, name) for key in keys)

        write_archive(path, names, len(keys) * settings.episode_steps, chunks)

    def remove(self) -> None:
        """Remove the folder; the settings go first, so that an interrupted removal is not taken for a beginning."""
        (self.folder / _SETTINGS).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def _path(self, key: EpisodeKey) -> Path:
        return self.folder / f"{key.split.value}-{key.index:05d}.npz"

    def _read(self, key: EpisodeKey, name: str) -> np.ndarray:
        try:
            return read_arrays(self._path(key), [name])[name]
        except DatasetError as error:
            raise DatasetError(f"{error} Remove that one file and repeat the command: it is made again.") from error


def episode_keys(settings: Settings) -> list[EpisodeKey]:
    """Return every episode of a collection, training first."""
    counts = {Split.TRAIN: settings.episodes, Split.VALIDATION: settings.validation_episodes}
    return [EpisodeKey(split, index) for split, count in counts.items() for index in range(count)]
