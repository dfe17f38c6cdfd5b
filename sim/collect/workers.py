"""Episodes of a collection made and kept, in this process or in several."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import final

from sim.collect.episodes import EpisodeKey, EpisodeMaker
from sim.collect.parts import Parts
from sim.collect.settings import Settings
from sim.plants.workers import in_workers


def make_episodes(
    settings: Settings, parts: Parts, keys: Sequence[EpisodeKey], num_workers: int
) -> Generator[EpisodeKey, None, None]:
    """Make and keep episodes; yields each as it is finished.

    Args:
        settings: What they depend on.
        parts: Where they are kept.
        keys: Which ones; the order in which they end is free.
        num_workers: Processes, 1 or more. One means this process itself.

    Raises:
        MachineError: A worker died.
    """
    make = _Making(settings, parts)
    if min(num_workers, len(keys)) > 1:
        for key, _ in in_workers(make, keys, num_workers, _name):
            yield key
    else:
        for key in keys:
            make(key)
            yield key


@final
class _Making:
    """Makes and keeps an episode; the environment is built with the first one."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._maker: EpisodeMaker | None = None

    def __call__(self, key: EpisodeKey) -> None:
        """Make and keep one episode."""
        self._maker = self._maker or EpisodeMaker(self._settings)
        self._parts.store(key, *self._maker.make(key))


def _name(key: EpisodeKey) -> str:
    return f"episode {key.index}"
