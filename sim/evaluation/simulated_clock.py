"""A clock of the simulation: its time passes where somebody charges it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from sim.busy import Spells


@final
class SimulatedClock:
    """Nanoseconds that pass in `charge` and `sleep_until` alone; serves the loop and the controller."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._taken: list[tuple[int, int]] = []
        self._others: tuple[Spells, float, int] | None = None

    def __call__(self) -> int:
        """Return the time in nanoseconds."""
        return self._now_ns

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return self._now_ns

    def sleep_until(self, moment_ns: int) -> None:
        """Let the time pass until the moment; at once where it has passed."""
        self._now_ns = max(self._now_ns, moment_ns)

    def charge(self, duration_ns: int) -> None:
        """Let so many nanoseconds of computing pass, 0 or more, and more than those while others compute, too."""
        if self._others is not None:
            spells, slow_down, began_ns = self._others
            duration_ns = spells.stretched_ns(self._now_ns - began_ns, duration_ns, slow_down)
        while self._taken and self._taken[0][0] < self._now_ns + duration_ns:
            from_ns, until_ns = self._taken.pop(0)
            duration_ns -= max(0, from_ns - self._now_ns)  # computed before
            self._now_ns = max(self._now_ns, until_ns)
        self._now_ns += duration_ns

    def take_core(self, moment_ns: int, length_ns: int) -> None:
        """Take the core away from who computes, from a moment on for so long; who sleeps then sleeps on."""
        self._taken = sorted([*self._taken, (moment_ns, moment_ns + length_ns)])

    def give_core_back(self) -> None:
        """Take the core away no longer."""
        self._taken.clear()

    @contextmanager
    def contended(self, spells: Spells, slow_down: float) -> Iterator[None]:
        """Have others compute for as long as the context lasts.

        Args:
            spells: When they do; the first spell begins now.
            slow_down: How many times as long computing takes meanwhile, 1 or more.
        """
        self._others = (spells, slow_down, self._now_ns)
        try:
            yield
        finally:
            self._others = None
