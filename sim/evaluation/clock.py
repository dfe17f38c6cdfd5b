"""The clock of a real-time loop, passed in so that tests can turn it by hand."""

from __future__ import annotations

import time
from typing import Protocol, final


class Clock(Protocol):
    """Monotonic time."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        ...

    def sleep_until(self, moment_ns: int) -> None:
        """Return at the moment or soon after; at once where it has passed."""
        ...


@final
class MonotonicClock:
    """The machine's monotonic clock, the one that deadlines are given on."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return time.monotonic_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Return at the moment or soon after; at once where it has passed."""
        while (left_ns := moment_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)
