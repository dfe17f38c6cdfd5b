"""What the episodes of a cell say of time: how long ticks took, and how many came too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.evaluation.rows import wilson_interval
from sim.report.task import Task
from sim.suite.cells import Cell
from sim.suite.episode_row import Row

_RESAMPLES = 4000
_BOOTSTRAP_SEED = 0  # fixed: the same episodes give the same interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTime:
    """Durations of a cell's ticks in milliseconds.

    Attributes:
        p50: Median over episodes of their medians.
        p99: Median over episodes of their 99th percentiles.
        longest: Of all ticks.
    """

    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, episodes: Sequence[Row]) -> TickTime | None:
        """Return the durations; None where no tick was timed."""
        timed = [row for row in episodes if row["tick_ms_p99"] is not None]
        if not timed:
            return None
        return cls(
            p50=float(np.median([row["tick_ms_p50"] for row in timed])),
            p99=float(np.median([row["tick_ms_p99"] for row in timed])),
            longest=max(row["tick_ms_max"] for row in timed),
        )

    def __str__(self) -> str:
        """Show p50 and p99."""
        return f"{self.p50:.2f} / {self.p99:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissRate:
    """The share of control periods without a fresh action by their deadline.

    Attributes:
        rate: In [0, 1].
        low: Lower end of the 95 % bootstrap interval over episodes, in which misses come together; where there is none,
            Wilson's over periods, as nothing could be drawn.
        high: Upper end.
    """

    rate: float
    low: float
    high: float

    @classmethod
    def of(cls, episodes: Sequence[Row]) -> MissRate:
        """Return the rate of at least one episode."""
        misses, periods = (
            np.array([row[key] for row in episodes], np.float64) for key in ("num_misses", "num_periods")
        )
        if not misses.any():
            low, high = wilson_interval(0, int(periods.sum()))
            return cls(rate=0.0, low=low, high=high)
        rng = np.random.default_rng(_BOOTSTRAP_SEED)
        drawn = rng.integers(0, misses.size, (_RESAMPLES, misses.size))
        rates = misses[drawn].sum(axis=1) / periods[drawn].sum(axis=1)
        low, high = np.quantile(rates, [0.025, 0.975])
        return cls(rate=float(misses.sum() / periods.sum()), low=float(low), high=float(high))

    def __str__(self) -> str:
        """Show it as `1.3 % (0.8 to 2)`."""
        return f"{100 * self.rate:.2g} % ({100 * self.low:.2g} to {100 * self.high:.2g})"


def floor_of(task: Task, cell: Cell) -> float | None:
    """Return the miss rate without a step under the same condition and deadline; None where nobody ran that."""
    deadline = task.rows[cell]["deadline_ms"]
    rates = [
        row["miss_rate"]
        for other, row in task.rows.items()
        if other[:3] == cell[:3] and row["max_steps"] == 0 and row["deadline_ms"] == deadline
    ]
    return min(rates, default=None)
