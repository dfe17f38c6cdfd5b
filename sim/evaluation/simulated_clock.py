"""A clock of the simulation: its time passes where somebody charges it."""

from __future__ import annotations

from typing import final


@final
class SimulatedClock:
    """Nanoseconds that pass in `charge` and `sleep_until` alone; serves the loop and the controller."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._moment_ns = 0

    @property
    def late_ns(self) -> int:
        """How long ago the moment was that was slept until last."""
        return self._now_ns - self._moment_ns

    def __call__(self) -> int:
        """Return the time in nanoseconds."""
        return self._now_ns

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return self._now_ns

    def sleep_until(self, moment_ns: int) -> None:
        """Let the time pass until the moment; at once where it has passed."""
        self._moment_ns = moment_ns
        self._now_ns = max(self._now_ns, moment_ns)

    def charge(self, duration_ns: int) -> None:
        """Let so many nanoseconds pass, 0 or more."""
        self._now_ns += duration_ns
