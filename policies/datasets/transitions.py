"""Transitions as tensors, and what they are in words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
        rows: Shape (T,), int64; the row of the file at which each stands, for messages.
        num_episodes: Episodes that the transitions come from.
        num_timeouts: Episodes that were cut off without the task having ended.
        episode_returns: Shape (E,), float32; sums of the recorded rewards over whole episodes, unscaled.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    masks: Tensor
    next_observations: Tensor
    rows: Tensor
    num_episodes: int
    num_timeouts: int
    episode_returns: Tensor

    def __len__(self) -> int:
        """Return T."""
        return len(self.observations)

    def _rows_sha256(self) -> str:
        """Return a hash of every observation and action: what tells one dataset from another of the same extremes."""
        digest = hashlib.sha256(self.observations.contiguous().numpy().tobytes())
        digest.update(self.actions.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def facts(self) -> dict[str, object]:
        """Return what a reader wants to know of the data: sizes, ranges, rewards, ends."""
        rewards, returns = self.rewards, self.episode_returns
        return {
            "transitions": len(self),
            "rows_sha256": self._rows_sha256(),
            "episodes": self.num_episodes,
            "observation_shape": list(self.observations.shape),
            "observation_low": self.observations.amin(0).tolist(),
            "observation_high": self.observations.amax(0).tolist(),
            "action_shape": list(self.actions.shape),
            "action_low": self.actions.amin(0).tolist(),
            "action_high": self.actions.amax(0).tolist(),
            "reward_range": [float(rewards.min()), float(rewards.max())],
            "reward_mean": float(rewards.mean()),
            "rewards_by_sign": {
                "negative": int((rewards < 0).sum()),
                "zero": int((rewards == 0).sum()),
                "positive": int((rewards > 0).sum()),
            },
            "task_ends": int((self.masks == 0).sum()),
            "timeouts": self.num_timeouts,
            "returns": {"low": float(returns.min()), "mean": float(returns.mean()), "high": float(returns.max())}
            if len(returns)
            else None,
        }

    def sentences(self) -> list[str]:
        """Return the facts in words, a line each."""
        facts, rewards = self.facts(), self.rewards
        signs = facts["rewards_by_sign"]
        counts = ", ".join(f"{count:,} {sign}" for sign, count in signs.items()) if isinstance(signs, dict) else ""
        lines = [
            f"{len(self):,} transitions of {self.num_episodes:,} episodes: {facts['task_ends']:,} end the task, "
            f"{self.num_timeouts:,} are cut off.",
            f"Observations {_span(self.observations)}; actions {_span(self.actions)}.",
            f"Rewards {float(rewards.min()):.6g} to {float(rewards.max()):.6g}, mean {float(rewards.mean()):.6g}: "
            f"{counts}.",
        ]
        if len(returns := self.episode_returns):
            lines.append(
                f"Returns as recorded {float(returns.min()):.6g} to {float(returns.max()):.6g}, "
                f"mean {float(returns.mean()):.6g}, over {len(returns):,} whole episodes."
            )
        return lines


def tensor(array: Array) -> Tensor:
    """Return an array as a float32 tensor."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def episode_returns(rewards: Array, ends: NDArray[np.bool_]) -> Tensor:
    """Return the sum of rewards of every episode that the file holds to its end, shape (E,), float32.

    Args:
        rewards: Shape (N,), one per row.
        ends: Shape (N,), whether a row is the last of its episode.
    """
    last = np.flatnonzero(ends)
    if not len(last):
        return torch.zeros(0)
    starts = np.concatenate([[0], last[:-1] + 1])
    return tensor(np.add.reduceat(rewards[: last[-1] + 1].astype(np.float64), starts))


def _span(values: Tensor) -> str:
    return f"{tuple(values.shape)} from {float(values.min()):.4g} to {float(values.max()):.4g}"
