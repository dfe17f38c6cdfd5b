"""The absolute grid of control periods: a late one never moves those after it, and none is made up for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPoint:
    """The start of a period.

    Attributes:
        index: Periods since the grid began, skipped ones included.
        at_ns: When the period begins, on the grid's clock.
        late_ns: How long after that it was met.
        skipped: Periods that were over before they could begin, just before this one.
    """

    index: int
    at_ns: int
    late_ns: int
    skipped: int


@final
class Grid:
    """Points `start + k * period` on a monotonic clock, met one after the other.

    Args:
        period_ns: From one point to the next.
        clock: Returns monotonic nanoseconds.
        sleep: Sleeps for a time in seconds, or for longer.
    """

    def __init__(
        self,
        period_ns: int,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._period_ns = period_ns
        self._clock = clock
        self._sleep = sleep
        self._start_ns = clock()
        self._next = 0

    def wait(self) -> GridPoint:
        """Sleep until the next point and return it; points whose whole period has passed are skipped."""
        due_ns = self._start_ns + self._next * self._period_ns
        now_ns = self._clock()
        skipped = max(0, (now_ns - due_ns) // self._period_ns)
        index = self._next + skipped
        at_ns = due_ns + skipped * self._period_ns
        self._next = index + 1
        return GridPoint(index=index, at_ns=at_ns, late_ns=self.sleep_until(at_ns) - at_ns, skipped=skipped)

    def sleep_until(self, moment_ns: int) -> int:
        """Return the time at a moment, or soon after; at once where it has passed."""
        while (now_ns := self._clock()) < moment_ns:
            self._sleep((moment_ns - now_ns) / 1e9)
        return now_ns
