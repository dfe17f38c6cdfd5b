"""Rewards and masks of one task for every row of a dataset, so that training reads arrays and knows no simulator.

Row t of a labelled file speaks of the state `observations[t]`, before `actions[t]` is applied:

- `rewards[t]` is the reward of the transition (observations[t], actions[t], observations[t + 1]). OGBench computes it
  from the state the transition *leaves*: r_t = r(s_t), 0 where s_t solves the task, below 0 elsewhere (-1 in a maze;
  minus the number of unsolved cubes, buttons, drawer, window on the arm).
- `masks[t]` is 0 where s_t solves the task and 1 elsewhere: the factor of the next value in the target
  r_t + discount * masks[t] * V(s_{t+1}). The transition that *arrives* at the goal still has reward -1 and mask 1; the
  one that leaves it has 0 and 0.
- Where `terminals[t]` is true the episode ends in the file: `observations[t]` is the next observation of row t - 1, and
  no transition begins at row t. Its label is right and has no use.

Source: ogbench.relabel_utils.relabel_dataset, called on the file's own rows. ogbench.utils.load_dataset drops the
terminal rows afterwards; on the rows that stay, the labels are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.collect.archive import read_dataset, write_archive
from sim.collect.environments import make_environment
from sim.collect.names import DatasetName, Split, TaskName
from sim.plants.spaces import quiet_spaces
from vgf_robot.errors import DatasetError

LABELLED_KEYS = ("observations", "actions", "terminals", "rewards", "masks")
"""The arrays of a labelled file: (T, O) float32, (T, A) float32, (T,) bool, (T,) float32, (T,) float32."""


def label_dataset(name: DatasetName, task: TaskName, folder: Path, out: Path) -> list[Path]:
    """Write the labelled training and validation file of a task.

    Args:
        name: The dataset.
        task: What is rewarded.
        folder: Where the dataset lies.
        out: Where the labelled files go; made where it is missing.

    Returns:
        The two paths, training first.

    Raises:
        DatasetError: A file is missing, damaged, or of another environment; nothing is written then.
    """
    environment = make_environment(str(task))
    paths = {out / task.file(name, split): folder / name.file(split) for split in Split}
    labelled = {path: label(read_dataset(source, name), task, environment, source) for path, source in paths.items()}
    out.mkdir(parents=True, exist_ok=True)
    for path, arrays in labelled.items():
        _write(path, arrays)
    return list(paths)


def label(arrays: dict[str, np.ndarray], task: TaskName, environment: Any, source: Path) -> dict[str, np.ndarray]:
    """Return a dataset's arrays with rewards and masks, and without the simulator's state.

    Args:
        arrays: As `read_dataset` gives them, T rows.
        task: What is rewarded.
        environment: OGBench's environment of that task.
        source: The file, for errors.

    Returns:
        The arrays of LABELLED_KEYS; see the module for what row t means.

    Raises:
        DatasetError: The arrays are not of this environment.
    """
    from ogbench.relabel_utils import relabel_dataset

    rows = dict(arrays)
    with quiet_spaces():
        environment.reset()
        _check_sizes(arrays, environment, task, source)
        relabel_dataset(str(task), environment, rows)
    return {key: rows[key] for key in LABELLED_KEYS}


def _check_sizes(arrays: dict[str, np.ndarray], environment: Any, task: TaskName, source: Path) -> None:
    expected = {
        "observations": environment.observation_space.shape[0],
        "actions": environment.action_space.shape[0],
        "qpos": environment.model.nq,
    }
    if "button_states" in arrays:
        expected["button_states"] = len(environment._cur_button_states)
    for key, size in expected.items():
        found = arrays[key].shape[1]
        if found != size:
            raise DatasetError(
                f"{source} is of another environment: its {key} have {found} numbers, '{task}' has {size}; give the "
                "dataset's own name."
            )


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    def chunks(key: str) -> Iterator[np.ndarray]:
        return iter([arrays[key]])

    write_archive(path, LABELLED_KEYS, len(arrays["terminals"]), chunks)
