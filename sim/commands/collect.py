"""`vgf-robot collect`: an offline dataset by OGBench's own oracles, and the rewards of a task."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction

from sim.collect.collection import Collection, collect, dataset_is_there
from sim.collect.from_recording import collect_recording
from sim.collect.labels import label_dataset
from sim.collect.layouts import Layout
from sim.collect.names import DatasetName, Split, TaskName, parse_dataset, parse_task
from sim.collect.official import download_official
from sim.collect.settings import Asked
from sim.collect.summary import describe, print_summary
from vgf_robot.errors import ConfigError, DatasetError, MachineError
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot collect cube-single-play-v0 --episodes 1000 --workers 2 --task default --out data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    dataset: Positional[str | None] = None
    """OGBench's name of the dataset, ENV-KIND-v0. One that is there already is not collected again."""
    out: Path = Path("data")
    """Folder of the files that are written; with --from-recording the dataset, FILE.npz or FILE.hdf5."""
    from_recording: UseAppendAction[tuple[Path, ...]] = ()
    """Make the dataset of a recording instead: a file or folder of `vgf-robot record`; may be given again for more."""
    layout: Layout | None = None
    """With --from-recording: ogbench (npz), d4rl (HDF5) or minari (a folder); as the name in --out says where not
    given."""
    reward: float | None = None
    """With --from-recording: the reward of every row, as a recording has none. Left out, the npz has no rewards, and
    cannot be trained on until they are added."""
    task: str | None = None
    """Also write rewards and masks for a task: default, 1 to 5, or an environment id such as
    cube-single-singletask-task2-v0."""
    episodes: int | None = None
    """Training episodes; a tenth as many, at least one, are added for validation. OGBench's number where not given."""
    episode_steps: int | None = None
    """Rows of one episode. OGBench's number (mostly 1001) where not given."""
    seed: int | None = None
    """Root of all randomness, 0 where not given; an episode depends on it and on its index alone."""
    noise: float | None = None
    """Noise of the oracle. OGBench's (0.1 on the arm, 0.5 in the point maze) where not given."""
    workers: int | None = None
    """Processes; one per core that may be used where not given. The result does not depend on it."""
    dataset_dir: Path | None = None
    """Folder that holds the dataset already, to label it from there; then only labels are written to --out."""
    official: FlagCreatePairsOff[bool] = False
    """Download OGBench's own files instead of collecting."""
    json: Path | None = None
    """Write the summary to this file."""


def main(argv: Sequence[str]) -> int:
    """Collect, download or find a dataset, label it where a task is given, and sum it up; return the exit code."""
    options = parse(Options, argv, "collect", EXAMPLE)
    _refuse_contradictions(options)
    try:
        if options.from_recording:
            _from_recording(options)
        else:
            _from_oracle(options)
    except OSError as error:
        place = error.filename or options.out
        raise MachineError(
            f"{place} cannot be written or read ({error.strerror or error}); give a folder that is yours to write to, "
            "on a disk with room."
        ) from error
    return 0


def _from_recording(options: Options) -> None:
    row = collect_recording(options.from_recording, options.out, layout=options.layout, reward=options.reward)
    if options.json is not None:
        shown = {**asdict(options), "from_recording": [str(path) for path in options.from_recording]}
        write_json(options.json, "collect", shown, [row])
    columns = ("layout", "ticks", "episodes", "steps", "transitions", "unsent", "gaps", "lone")
    print_table(row["file"], [row], columns)
    for warning in row["warnings"]:
        print(warning)
    if options.reward is None:
        print("No rewards are in it: training refuses it until `rewards` and `masks` are added, one per row.")


def _from_oracle(options: Options) -> None:
    if options.dataset is None:
        raise ConfigError(
            "Expected the name of a dataset such as cube-single-play-v0, or --from-recording; found none."
        )
    name = parse_dataset(options.dataset)
    task = None if options.task is None else parse_task(options.task, name)
    rows, collection = _run(options, name, task)
    _report(options, rows, collection)


def _run(options: Options, name: DatasetName, task: TaskName | None) -> tuple[list[dict[str, Any]], Collection | None]:
    folder = options.dataset_dir or options.out
    collection: Collection | None = None
    if options.official:
        download_official(name, folder)
    elif options.dataset_dir is not None:
        if not dataset_is_there(folder, name):
            raise DatasetError(
                f"{folder} does not hold {name.file(Split.TRAIN)}; leave out --dataset-dir to collect it."
            )
    else:
        collection = collect(name, folder, _asked(options), options.workers or _num_cores())
    rows = [describe(folder, name, split, None) for split in Split]
    if task is not None:
        label_dataset(name, task, folder, options.out)
        rows += [describe(options.out, name, split, task) for split in Split]
    return rows, collection


def _asked(options: Options) -> Asked:
    return Asked(seed=options.seed, episodes=options.episodes, episode_steps=options.episode_steps, noise=options.noise)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_contradictions(options: Options) -> None:
    """Refuse options that could not both have an effect."""
    recorded, others = bool(options.from_recording), _of_oracles(options)
    if recorded and others:
        raise ConfigError(f"--from-recording makes a dataset of a recording alone; leave out {others[0]}.")
    for option, value in (("--layout", options.layout), ("--reward", options.reward)):
        if value is not None and not recorded:
            raise ConfigError(f"{option} is for recordings; leave it out, or give --from-recording.")
    if options.reward is not None and not math.isfinite(options.reward):
        raise ConfigError(f"--reward: expected a finite number, found {options.reward:g}; give another one.")
    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"--workers is {options.workers}, expected 1 or more.")
    if options.official and options.dataset_dir is not None:
        raise ConfigError("--official downloads to --out; leave out --dataset-dir.")
    if options.dataset_dir is not None and options.task is None:
        raise ConfigError("--dataset-dir only labels a dataset that is there; say which --task.")
    used = next(iter(_asked(options).given()), None)
    if used is not None and (options.official or options.dataset_dir is not None):
        raise ConfigError(f"--{used.replace('_', '-')} is for collecting, and here nothing is collected; leave it out.")


def _of_oracles(options: Options) -> list[str]:
    """Return the options given that are for datasets of oracles."""
    named = ("task", "episodes", "episode_steps", "seed", "noise", "workers", "dataset_dir")
    given = [f"--{name.replace('_', '-')}" for name in named if getattr(options, name) is not None]
    given += ["--official"] if options.official else []
    return ([options.dataset] if options.dataset is not None else []) + given


def _report(options: Options, rows: list[dict[str, Any]], collection: Collection | None) -> None:
    settings: dict[str, Any] = asdict(options)
    if collection is not None:
        settings["collection"] = None if collection.settings is None else msgspec.to_builtins(collection.settings)
        settings["episodes_made"] = collection.episodes_made
        settings["episodes_redone"] = collection.episodes_redone
    if options.json is not None:
        write_json(options.json, "collect", settings, rows)
    print_summary(rows)
    if collection is not None:
        print(_sentence(collection))


def _sentence(collection: Collection) -> str:
    if collection.episodes_made == 0 and collection.episodes_redone == 0:
        return "The dataset was there; nothing was collected."
    return f"{collection.episodes_made} episodes made; {collection.episodes_redone} unusable ones were redone."
