"""Traces as arrays with one entry per control period, skipped ones included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.demo.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSeries:
    """Shape (periods,) each, the episodes one behind the other.

    Attributes:
        answer_ms: From the start of the period to the answer; NaN where none came.
        steps: Transport steps taken, 0 where there was no answer.
        missed: Whether the period went without a fresh action by its deadline.
        period_s: One control period.
    """

    answer_ms: NDArray[np.float64]
    steps: NDArray[np.float64]
    missed: NDArray[np.bool_]
    period_s: float


def period_series(trace: Trace, num_periods: Sequence[int], period_s: float, deadline_ms: float) -> PeriodSeries:
    """Put each request at its period's place; periods without a request were skipped, which is a miss.

    Args:
        trace: The requests by episode.
        num_periods: Periods of each episode.
        period_s: One control period.
        deadline_ms: From the start of a period to its deadline.
    """
    total = sum(num_periods)
    answer_ms, steps, missed = np.full(total, np.nan), np.zeros(total), np.ones(total, dtype=np.bool_)
    first = 0
    for requests, count in zip(trace.episodes, num_periods, strict=True):
        for request in requests:
            index = first + round((request.due_ns - requests[0].due_ns) / (period_s * 1e9))
            missed[index] = request.missed
            if request.arrival_ns is not None:
                answer_ms[index] = (request.arrival_ns - request.due_ns) / 1e6 + deadline_ms
                steps[index] = request.steps or 0
        first += count
    return PeriodSeries(answer_ms=answer_ms, steps=steps, missed=missed, period_s=period_s)


def window_means(values: NDArray[np.float64], period_s: float, window_s: float) -> tuple[list[float], list[float]]:
    """Return the middle of each window in seconds, and the mean of the values in it.

    Args:
        values: Shape (periods,).
        period_s: One control period.
        window_s: Length of a window; at least one period is in it.
    """
    size = max(1, round(window_s / period_s))
    starts = range(0, values.size, size)
    middles = [(start + min(size, values.size - start) / 2) * period_s for start in starts]
    return middles, [float(np.mean(values[start : start + size])) for start in starts]
