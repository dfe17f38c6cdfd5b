"""What happened in each control period, noted and then as arrays, for the plots; rows keep sums only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver
from sim.evaluation.real_time import Clock
from vgf_robot.controller import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One period in which an action was asked for.

    Attributes:
        due_ns: The deadline, on the monotonic clock.
        arrival_ns: When the answer was here; None where none came.
        steps: Transport steps that were taken for it; None likewise.
        fresh: Whether the action used the observation.
    """

    due_ns: int
    arrival_ns: int | None
    steps: int | None
    fresh: bool

    @property
    def missed(self) -> bool:
        """Whether the period went without a fresh action by its deadline."""
        return self.arrival_ns is None or self.arrival_ns > self.due_ns or not self.fresh


@dataclass(slots=True)
class Trace:
    """The requests of each episode in turn; a period that was skipped has none."""

    episodes: list[list[Request]] = field(default_factory=list[list[Request]])

    def requests(self) -> list[Request]:
        """Return the requests of all episodes."""
        return [request for episode in self.episodes for request in episode]


@final
class Traced:
    """A `Driver` that notes what went through it."""

    def __init__(self, driver: Driver, trace: Trace, clock: Clock) -> None:
        self._driver = driver
        self._trace = trace
        self._clock = clock

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode, and a page of the trace."""
        self._trace.episodes.append([])
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action and note the answer; a request without a deadline has nothing to be compared with."""
        answer = self._driver.act(observation, budget, deadline_ns)
        if deadline_ns is not None:
            self._trace.episodes[-1].append(
                Request(
                    due_ns=deadline_ns,
                    arrival_ns=None if answer is None else self._clock.now_ns(),
                    steps=None if answer is None else answer.command.steps,
                    fresh=answer is not None and answer.command.rung.fresh,
                )
            )
        return answer

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


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
