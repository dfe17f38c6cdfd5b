"""The checks that every dataset passes before it is learnt from; each names file, key and row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.datasets.transitions import Array, Transitions
from vgf_robot.errors import DatasetError

MATRICES = ("observations", "next_observations", "actions")
NUMBERS = "biuf"  # kinds of NumPy: truth values, integers, floats
SLACK = 1e-5  # beyond a limit, for rounding


def require_keys(found: Iterable[str], keys: Sequence[str], path: Path, advice: str) -> None:
    """Refuse a file that lacks one of the keys.

    Raises:
        DatasetError: Naming the file, the missing keys and what is there.
    """
    there = sorted(found)
    missing = [key for key in keys if key not in there]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}; found {', '.join(there)}; {advice}")


def require_clean(arrays: dict[str, Array], path: Path) -> None:
    """Refuse arrays of wrong shapes, whose lengths disagree, or that hold a number which is not finite.

    Raises:
        DatasetError: Naming file, key and row.
    """
    for key, array in arrays.items():
        axes = 2 if key in MATRICES else 1
        if array.ndim != axes:
            raise DatasetError(f"{path}: '{key}' must have {axes} axes; found shape {array.shape}.")
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        stated = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DatasetError(f"{path}: all keys must have the same number of rows; found {stated}.")
    if not all(lengths.values()):
        raise DatasetError(f"{path} has no rows; expected at least one transition.")
    for key, array in arrays.items():
        require_finite(array, key, str(path))


def require_finite(array: Array, key: str, source: str) -> None:
    """Refuse an array that holds something else than real numbers, or one which is not finite.

    Raises:
        DatasetError: Naming source, key and row.
    """
    if array.dtype.kind not in NUMBERS:
        raise DatasetError(f"{source}: '{key}' must be real numbers; found {array.dtype}. Write it as float32.")
    if not np.issubdtype(array.dtype, np.floating):
        return
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not finite.all():
        row, count = int(np.argmin(finite)), int(np.count_nonzero(~finite))
        entries = np.ravel(array[row])
        entry = int(np.argmin(np.isfinite(entries)))
        raise DatasetError(
            f"{source}: '{key}' must be finite; entry {entry} of row {row} is {entries[entry]}, as in {count} of "
            f"{len(array)} rows there is one that is not. Remove such episodes."
        )


def require_sizes(transitions: Transitions, path: Path, observation_size: int, action_size: int) -> None:
    """Refuse data of another robot than the configuration describes.

    Raises:
        DatasetError: Naming expected and found sizes.
    """
    found = (transitions.observations.shape[1], transitions.actions.shape[1])
    if found != (observation_size, action_size):
        raise DatasetError(
            f"{path}: the configuration describes {observation_size} observation and {action_size} action entries, "
            f"the data has {found[0]} and {found[1]}; it is the data of another environment, or `task` is wrong."
        )


def require_actions_inside(transitions: Transitions, path: Path, low: list[float], high: list[float]) -> None:
    """Refuse actions outside the robot's limits (beyond rounding).

    Raises:
        DatasetError: Naming the row, the action and the limits.
    """
    actions = transitions.actions.numpy()
    outside = _outside(actions, np.array(low), np.array(high))
    if outside.any():
        row, entry = (int(index) for index in np.argwhere(outside)[0])
        count = int(outside.any(axis=1).sum())
        raise DatasetError(
            f"{path}: 'actions' must be inside the limits; entry {entry} of row {int(transitions.rows[row])} is "
            f"{actions[row, entry]:g}, its limits are {low[entry]:g} to {high[entry]:g}, and {count} of "
            f"{len(actions)} rows are outside. Correct `task.action` or the data."
        )


def first_outside(actions: NDArray[Any], low: NDArray[np.floating], high: NDArray[np.floating]) -> int | None:
    """Return the first row (T, A) with an entry outside its limits by more than rounding, or None."""
    outside = _outside(actions, low, high).any(axis=1)
    return int(np.argmax(outside)) if outside.any() else None


def _outside(actions: NDArray[Any], low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray((actions < low - SLACK) | (actions > high + SLACK))
