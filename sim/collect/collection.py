"""A dataset from nothing, from where it was left, or as it stands already."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.collect.archive import replacing
from sim.collect.names import DatasetName, Split
from sim.collect.parts import Parts, episode_keys
from sim.collect.settings import Asked, Settings, difference, resolve
from sim.collect.workers import make_episodes
from vgf_robot import config
from vgf_robot.errors import ConfigError, DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What `collect` leaves behind."""

    settings: Settings | None
    """How the dataset was made, or None where it came from elsewhere."""
    episodes_made: int
    """Episodes made now, training and validation; 0 where the dataset was there."""
    episodes_redone: int
    """Unusable episodes that were thrown away and made anew."""


def collect(name: DatasetName, out: Path, asked: Asked, num_workers: int) -> Collection:
    """Make a dataset in the folder `out`, going on where an earlier call ended.

    Args:
        name: Which dataset.
        out: Folder of the two npz files; made where it is missing.
        asked: What the user says of it.
        num_workers: Processes, 1 or more; the result does not depend on it.

    Raises:
        ConfigError: What is there was made with other settings.
        DatasetError: Only one of the two files is there.
        MachineError: A worker died, or no usable episode could be made.
    """
    parts = Parts.beside(out, name)
    begun = parts.settings()
    if begun is None and dataset_is_there(out, name):
        return Collection(settings=_settings_of_finished(name, out, asked), episodes_made=0, episodes_redone=0)
    settings = resolve(name, asked, begun)
    parts.begin(settings)
    made = _make_missing(settings, parts, num_workers)
    redone = parts.num_redone(settings)
    for split in (Split.VALIDATION, Split.TRAIN):
        parts.assemble(settings, split, out / name.file(split))
    with replacing(_settings_path(out, name)) as temporary:
        config.dump(settings, temporary)
    parts.remove()
    return Collection(settings=settings, episodes_made=made, episodes_redone=redone)


def dataset_is_there(folder: Path, name: DatasetName) -> bool:
    """Return whether a folder holds a dataset, both of its files.

    Raises:
        DatasetError: It holds one of them.
    """
    there = [split for split in Split if (folder / name.file(split)).exists()]
    if len(there) == 1:
        missing = next(split for split in Split if split not in there)
        raise DatasetError(
            f"{folder / name.file(there[0])} is there without {name.file(missing)}, expected both or neither; add the "
            "other one, or remove it."
        )
    return len(there) == len(Split)


def _settings_path(out: Path, name: DatasetName) -> Path:
    return out / f"{name}.yaml"


def _settings_of_finished(name: DatasetName, out: Path, asked: Asked) -> Settings | None:
    """Return how a finished dataset was made; refuse where it is not what was asked for."""
    given = list(asked.given())
    path = _settings_path(out, name)
    if not path.exists():
        if given:
            raise ConfigError(
                f"{out / name.file(Split.TRAIN)} is there and was not made here, so --{given[0].replace('_', '-')} "
                "cannot apply; leave it out to use the dataset as it is, or choose another --out."
            )
        return None
    found = config.load(path, Settings)
    differs = difference(found, resolve(name, asked, found), ignore=("ogbench", "mujoco"))
    if differs:
        raise ConfigError(
            f"{out / name.file(Split.TRAIN)} was made with {differs}; leave that out to use it as it is, or choose "
            "another --out."
        )
    return found


def _make_missing(settings: Settings, parts: Parts, num_workers: int) -> int:
    """Make what is not there yet, under a progress bar; return how many episodes that was."""
    keys = episode_keys(settings)
    missing = [key for key in keys if not parts.has(key)]
    made = 0
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task(settings.dataset, total=len(keys), completed=len(keys) - len(missing), rate="")
        try:
            with closing(make_episodes(settings, parts, missing, num_workers)) as finished:
                for made, _ in enumerate(finished, start=1):  # noqa: B007  # counted for an interrupted run too
                    speed = progress.tasks[0].speed
                    progress.update(bar, advance=1, rate=f"{speed:.2f} episodes/s" if speed else "")
        except KeyboardInterrupt:
            kept = len(keys) - len(missing) + made
            progress.stop()
            print(f"{kept} of {len(keys)} episodes are kept; the same command goes on from there.", file=sys.stderr)
            raise
    return made
