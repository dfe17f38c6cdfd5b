"""What one update learns from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """B transitions, drawn at random.

    Attributes:
        rows: Shape (B,), which transitions of the dataset.
        observations: Shape (B, O), raw units.
        actions: Shape (B, A), normalised.
        rewards: Shape (B,).
        masks: Shape (B,); 0 where the task ended.
        next_observations: Shape (B, O), raw units.
    """

    rows: Tensor
    observations: Tensor
    actions: Tensor
    rewards: Tensor
    masks: Tensor
    next_observations: Tensor
