"""What stands in a dataset's file, as one row of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.collect.archive import read_arrays, read_dataset
from sim.collect.labels import LABELLED_KEYS
from sim.collect.names import DatasetName, Split, TaskName
from vgf_robot.results import print_table


def describe(folder: Path, name: DatasetName, split: Split, task: TaskName | None) -> dict[str, Any]:
    """Return a file's counts and ranges, and with a task its rewards.

    Args:
        folder: Where the file lies.
        name: The dataset.
        split: Which of its files.
        task: The task it is labelled for, or None for the dataset itself.

    Returns:
        file, split, episodes, steps (rows), transitions, observation and action sizes and ranges (one number per
        entry); with a task also task, reward_mean, return_mean (undiscounted, per episode of the file), success_steps
        (rows that solve the task) and success_episodes.

    Raises:
        DatasetError: The file is missing or damaged.
    """
    path = folder / (name.file(split) if task is None else task.file(name, split))
    arrays = read_dataset(path, name) if task is None else read_arrays(path, LABELLED_KEYS)
    starts = np.flatnonzero(np.concatenate([[True], arrays["terminals"][:-1]]))
    num_rows, num_episodes = len(arrays["terminals"]), len(starts)
    row = {"file": str(path), "split": split.value, "dataset": str(name), "episodes": num_episodes, "steps": num_rows}
    row |= {"transitions": num_rows - num_episodes}
    row |= _ranges("observation", arrays["observations"]) | _ranges("action", arrays["actions"])
    return row if task is None else row | _rewards(task, arrays, starts)


def print_summary(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of the files, and one of their rewards where they are labelled."""
    shown = [{**row, **_extremes(row)} for row in rows]
    files = [row for row in shown if "task" not in row]
    print_table(files[0]["file"], files, ("split", "episodes", "steps", "observations", "actions"))
    labelled = [row for row in shown if "task" in row]
    if labelled:
        columns = ("split", "reward_mean", "return_mean", "success_steps", "success_episodes")
        print_table(labelled[0]["file"], labelled, columns)


def _extremes(row: Mapping[str, Any]) -> dict[str, str]:
    """Return each range in words: how many numbers, and the extremes over all of them."""
    return {
        f"{quantity}s": f"{row[f'{quantity}_size']} in {min(row[f'{quantity}_low']):.3g} .. "
        f"{max(row[f'{quantity}_high']):.3g}"
        for quantity in ("observation", "action")
    }


def _ranges(quantity: str, values: np.ndarray) -> dict[str, Any]:
    spread = {"low": values.min(axis=0), "high": values.max(axis=0), "mean": values.mean(axis=0, dtype=np.float64)}
    spread["std"] = values.std(axis=0, dtype=np.float64)
    return {f"{quantity}_size": values.shape[1]} | {f"{quantity}_{key}": spread[key].tolist() for key in spread}


def _rewards(task: TaskName, arrays: dict[str, np.ndarray], starts: np.ndarray) -> dict[str, Any]:
    rewards = np.where(arrays["terminals"], 0.0, arrays["rewards"]).astype(np.float64)  # no transition begins there
    solved = arrays["masks"] == 0
    return {
        "task": str(task),
        "reward_mean": float(rewards.sum() / max(1, len(rewards) - len(starts))),
        "return_mean": float(np.add.reduceat(rewards, starts).mean()),
        "success_steps": int(solved.sum()),
        "success_episodes": int(np.logical_or.reduceat(solved, starts).sum()),
    }
