"""Transitions as tensors, and the checks that every dataset passes before it is learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vgf_robot.errors import DatasetError

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """T transitions (s, a, r, mask, s').

    Attributes:
        observations: Shape (T, O), float32, raw units.
        actions: Shape (T, A), float32, the robot's units.
        rewards: Shape (T,), float32, scaled.
        masks: Shape (T,), float32; 0 where the task ended, 1 otherwise.
        next_observations: Shape (T, O), float32, raw units.
        num_episodes: Episodes that the transitions come from.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    masks: Tensor
    next_observations: Tensor
    num_episodes: int

    def __len__(self) -> int:
        """Return T."""
        return len(self.observations)

    def facts(self) -> dict[str, object]:
        """Return what a reader wants to know of the data: sizes, ranges, rewards, ends."""
        return {
            "transitions": len(self),
            "episodes": self.num_episodes,
            "observation_low": self.observations.amin(0).tolist(),
            "observation_high": self.observations.amax(0).tolist(),
            "action_low": self.actions.amin(0).tolist(),
            "action_high": self.actions.amax(0).tolist(),
            "reward_range": [float(self.rewards.min()), float(self.rewards.max())],
            "reward_mean": float(self.rewards.mean()),
            "task_ends": int((self.masks == 0).sum()),
        }


def require_keys(arrays: dict[str, Array], keys: tuple[str, ...], path: Path, advice: str) -> None:
    """Refuse a file that lacks one of the keys.

    Raises:
        DatasetError: Naming the file, the missing keys and what is there.
    """
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}; found {', '.join(sorted(arrays))}; {advice}")


def require_clean(arrays: dict[str, Array], path: Path) -> None:
    """Refuse arrays whose lengths disagree or that hold a number which is not finite.

    Raises:
        DatasetError: Naming file, key and row.
    """
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        stated = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DatasetError(f"{path}: all keys must have the same number of rows; found {stated}.")
    for key, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            continue
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            row = int(np.argmin(finite))
            raise DatasetError(f"{path}: '{key}' must be finite; row {row} holds {array[row]}. Remove that episode.")


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
    slack = 1e-5
    outside = (transitions.actions < torch.tensor(low) - slack) | (transitions.actions > torch.tensor(high) + slack)
    rows = outside.any(1).nonzero()
    if len(rows):
        row = int(rows[0])
        raise DatasetError(
            f"{path}: actions must be inside the limits {low} to {high}; transition {row} has "
            f"{transitions.actions[row].tolist()}. Correct `task.action` or the data."
        )
