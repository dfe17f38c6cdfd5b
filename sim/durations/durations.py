"""How long the stages of ticks took, or would have taken, and the file that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vgf_robot.errors import DatasetError
from vgf_robot.npz import read_arrays

Nanoseconds = NDArray[np.int64]
_ARRAYS = ("late", "reference", "step", "select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long the stages of T ticks took, or would have taken, in nanoseconds.

    Attributes:
        period_ns: From one tick's grid point to the next one's.
        deadline_ns: From a grid point to its deadline.
        late: Shape (T,), from the grid point to the start of the tick.
        reference: Shape (T,).
        step: Shape (T, L).
        select: Shape (T,).
    """

    period_ns: int
    deadline_ns: int
    late: Nanoseconds
    reference: Nanoseconds
    step: Nanoseconds
    select: Nanoseconds

    @property
    def num_ticks(self) -> int:
        """T."""
        return len(self.late)

    @property
    def max_steps(self) -> int:
        """L."""
        return self.step.shape[1]


def save_durations(path: Path, durations: Durations) -> None:
    """Write durations to an npz file, rounded to microseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.rint(getattr(durations, name) / 1000).astype(np.int32) for name in _ARRAYS}
    np.savez_compressed(
        path, period_us=durations.period_ns // 1000, deadline_us=durations.deadline_ns // 1000, **arrays
    )


def load_durations(path: Path) -> Durations:
    """Read what `save_durations` wrote.

    Raises:
        DatasetError: The file is missing, damaged, or holds no durations.
    """
    advice = "record durations again."
    arrays = read_arrays(path, advice)
    wanted = {*_ARRAYS, "period_us", "deadline_us"}
    if set(arrays) != wanted:
        raise DatasetError(f"{path}: expected the arrays {sorted(wanted)}, found {sorted(arrays)}; {advice}")
    ns = {name: arrays[name].astype(np.int64) * 1000 for name in _ARRAYS}
    if ns["late"].ndim != 1 or ns["step"].ndim != 2 or {len(array) for array in ns.values()} != {len(ns["late"])}:
        shapes = {name: array.shape for name, array in ns.items()}
        raise DatasetError(f"{path}: expected one entry per tick in every array, found {shapes}; {advice}")
    return Durations(period_ns=int(arrays["period_us"]) * 1000, deadline_ns=int(arrays["deadline_us"]) * 1000, **ns)


def oracle_steps(durations: Durations) -> NDArray[np.int64]:
    """Return how many steps each tick could have taken in time, had its durations been known in advance, shape (T,)."""
    before = (durations.late + durations.reference + durations.select)[:, None]
    in_time = before + np.cumsum(durations.step, axis=1) <= durations.deadline_ns
    return np.where(in_time.any(axis=1), durations.max_steps - np.argmax(in_time[:, ::-1], axis=1), 0)
