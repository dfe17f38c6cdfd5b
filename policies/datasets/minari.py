"""Minari datasets on this machine, by folder or by id, read by the package itself; nothing is downloaded."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from policies.datasets.checks import MATRICES, first_outside, require_finite
from policies.datasets.transitions import Array, Transitions, tensor
from vgf_robot.errors import DatasetError, MachineError, suggestion

METADATA = "metadata.json"
SPACES = ("observation_space", "action_space")
_ID = re.compile(r"(?:[\w-]+/)*[\w-]+-v\d+")


class Episode(NamedTuple):
    """One episode of T steps.

    Attributes:
        observations: Shape (T + 1, O): the last state has no action.
        actions: Shape (T, A).
        rewards: Shape (T,).
        terminations: Shape (T,); the task ended.
        truncations: Shape (T,); the episode was cut off.
    """

    observations: Array
    actions: Array
    rewards: Array
    terminations: Array
    truncations: Array


def load(path: Path, *, observation_keys: tuple[str, ...] = ()) -> Transitions:
    """Read all transitions of a local dataset.

    Args:
        path: The dataset's id, such as `mujoco/hopper/medium-v0`, or its folder, or the `data` folder in that.
        observation_keys: Where observations are dictionaries, the parts to take and their order.

    Raises:
        DatasetError: There is no such dataset here, or it is damaged, or holds episodes that cannot be learnt from.
        MachineError: The package `minari` is not installed.

    Source: Minari's dataset standard: an episode of T steps has T + 1 observations.
    """
    folder = _data_folder(_located(path))
    try:
        dataset = _package().MinariDataset(folder)
        limits = _action_limits(dataset.action_space, path)
        episodes = list(_episodes(dataset, path, observation_keys, limits))
    except (ValueError, AssertionError, KeyError, OSError, TypeError) as error:
        detail = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read as a Minari dataset ({detail}); copy it again.") from error
    if not sum(len(episode.rewards) for episode in episodes):
        raise DatasetError(f"{path} has no steps; expected at least one transition.")
    return _transitions(episodes, path)


def _transitions(episodes: list[Episode], path: Path) -> Transitions:
    def joined(parts: Iterator[Array]) -> torch.Tensor:
        return tensor(np.concatenate(list(parts)))

    _require_same_sizes(episodes, path)

    terminations = [episode.terminations.astype(bool) for episode in episodes]
    rewards = joined(episode.rewards for episode in episodes)
    return Transitions(
        observations=joined(episode.observations[:-1] for episode in episodes),
        actions=joined(episode.actions for episode in episodes),
        rewards=rewards,
        masks=joined(1.0 - ends for ends in terminations),
        next_observations=joined(episode.observations[1:] for episode in episodes),
        rows=torch.arange(len(rewards)),
        num_episodes=len(episodes),
        num_timeouts=sum(not ends.any() for ends in terminations),
        episode_returns=tensor(np.array([episode.rewards.astype(np.float64).sum() for episode in episodes])),
    )


def _episodes(dataset: Any, path: Path, keys: tuple[str, ...], limits: NDArray[np.floating]) -> Iterator[Episode]:
    for number, raw in enumerate(dataset.iterate_episodes()):
        source = f"{path}, episode {number}"
        observations = _vector(raw.observations, keys, source)
        episode = Episode(observations, np.asarray(raw.actions), raw.rewards, raw.terminations, raw.truncations)
        _require_lengths(episode, source)
        for key, array in episode._asdict().items():
            require_finite(array, key, source)
        row = first_outside(episode.actions, *limits)
        if row is not None:
            raise DatasetError(
                f"{source}: 'actions' must be inside the action space {limits[0].tolist()} to {limits[1].tolist()}; "
                f"row {row} holds {episode.actions[row].tolist()}. Remove that episode."
            )
        yield episode


def _vector(observations: Any, keys: tuple[str, ...], source: str) -> Array:
    """Return observations as rows of numbers: as they are, or the named parts of dictionaries side by side."""
    if not isinstance(observations, dict):
        if keys:
            raise DatasetError(f"{source}: observations are no dictionaries; leave `data.observation_keys` out.")
        array = np.asarray(observations)
        return array.reshape(len(array), -1)
    known = ", ".join(sorted(observations))
    missing = [key for key in keys if key not in observations]
    if missing or not keys:
        found = f"'{missing[0]}'" if missing else "none"
        raise DatasetError(f"{source}: `data.observation_keys` must name parts of {known}; found {found}.")
    parts = {key: np.asarray(observations[key]) for key in keys}
    if len({len(part) for part in parts.values()}) > 1:
        stated = ", ".join(f"{key} {len(part)}" for key, part in parts.items())
        raise DatasetError(f"{source}: all parts of 'observations' must have the same number of rows; found {stated}.")
    return np.concatenate([part.reshape(len(part), -1) for part in parts.values()], axis=1)


def _require_lengths(episode: Episode, source: str) -> None:
    for key, array in episode._asdict().items():
        axes = 2 if key in MATRICES else 1
        if np.ndim(array) != axes:
            raise DatasetError(f"{source}: '{key}' must have {axes} axes; found shape {np.shape(array)}.")
    steps = len(episode.rewards)
    for key, array in episode._asdict().items():
        expected = steps + 1 if key == "observations" else steps
        if len(array) != expected:
            raise DatasetError(f"{source}: '{key}' must have {expected} rows for {steps} rewards; found {len(array)}.")


def _require_same_sizes(episodes: list[Episode], path: Path) -> None:
    for key in ("observations", "actions"):
        sizes = sorted({getattr(episode, key).shape[1] for episode in episodes})
        if len(sizes) > 1:
            raise DatasetError(f"{path}: '{key}' must have the same size in all episodes; found {sizes}.")


def _action_limits(space: Any, path: Path) -> NDArray[np.floating]:
    """Return the limits of the action space, shape (2, A)."""
    if not (hasattr(space, "low") and hasattr(space, "high") and len(space.shape) == 1):
        raise DatasetError(f"{path}: expected actions in a box of one axis, found {space}; such a robot has no bundle.")
    return np.stack([space.low, space.high])


def _located(path: Path) -> Path:
    """Return the folder of a dataset; an id is looked up where Minari keeps what it has downloaded.

    Raises:
        DatasetError: There is no dataset of this id.
        MachineError: The package is not installed.
    """
    path = path.expanduser()
    if path.exists() or not _ID.fullmatch(path.as_posix()):
        return path
    store = _package().storage.datasets_root_dir
    folder = store.get_dataset_path(path.as_posix())
    if not folder.is_dir():
        with warnings.catch_warnings(action="ignore"):  # about others of its datasets
            known = _package().list_local_datasets()
        hint = suggestion(path.as_posix(), known) if known else "there is none at all."
        raise DatasetError(
            f"{path} is neither a folder here nor a Minari dataset in {store.get_dataset_path()}; {hint} Get it with "
            f"`minari download {path}`, or copy it there from a machine with a network."
        )
    return folder


def _data_folder(path: Path) -> Path:
    """Return the folder with the metadata, after making sure that it describes its spaces.

    Without them the package would build the environment that the file names, which is code to be imported.
    """
    for folder in (path, path / "data"):
        if (folder / METADATA).is_file():
            try:
                metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
            except ValueError as error:
                raise DatasetError(f"{folder / METADATA} is no JSON ({error}); copy the dataset again.") from error
            missing = [key for key in SPACES if key not in metadata]
            if missing:
                raise DatasetError(f"{folder / METADATA} lacks {', '.join(missing)}; write the dataset with them.")
            return folder
    raise DatasetError(
        f"{path} is no Minari dataset: it has no {METADATA}, in itself or in data/; correct `data.path`, or get it "
        "with `minari download`."
    )


def _package() -> ModuleType:
    try:
        import minari
    except ImportError as error:
        raise MachineError(f"Minari datasets need the package minari ({error}); pip install 'vgf-robot[train]'.") from (
            error
        )
    return minari
