"""What each stage of a tick costs, learned from how long it took lately."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

from vgf_robot.controller.settings import ControllerSettings

MEDIAN = 0.5


class StageCost:
    """The median, or another quantile, of a stage's durations over its last turns.

    A turn is a run, or a refusal for lack of time. Both let older samples leave, so a slow spell is forgotten after
    `window` turns even if its own height keeps the stage from running. Where refusals alone have emptied the window,
    the fastest run ever seen stands in: the stage is tried again where at least that fits, and a stage that can never
    fit is never tried.

    Attributes:
        estimate_ns: The quantile in nanoseconds; None until the stage has run once.
    """

    __slots__ = ("_fastest_ns", "_quantile", "_recent", "_sorted", "_turn", "_window", "estimate_ns")

    def __init__(self, window: int, quantile: float = MEDIAN) -> None:
        self.estimate_ns: int | None = None
        self._fastest_ns: int | None = None
        self._window = window
        self._quantile = quantile
        self._turn = 0
        self._recent: deque[tuple[int, int]] = deque()  # (turn, duration), oldest first
        self._sorted: list[int] = []

    def record(self, duration_ns: int) -> None:
        """Note that the stage ran.

        Args:
            duration_ns: How long it took, in nanoseconds.
        """
        self._next_turn()
        self._recent.append((self._turn, duration_ns))
        insort(self._sorted, duration_ns)
        self._fastest_ns = duration_ns if self._fastest_ns is None else min(self._fastest_ns, duration_ns)
        self._estimate()

    def skip(self) -> None:
        """Note that the stage was refused because there was not enough time left for it."""
        self._next_turn()
        self._estimate()

    def _next_turn(self) -> None:
        self._turn += 1
        oldest = self._turn - self._window
        while self._recent and self._recent[0][0] <= oldest:
            _, duration_ns = self._recent.popleft()
            del self._sorted[bisect_left(self._sorted, duration_ns)]

    def _estimate(self) -> None:
        count = len(self._sorted)
        # The smallest sample that at least this share of the samples does not exceed: never between two samples.
        self.estimate_ns = self._sorted[math.ceil(self._quantile * count) - 1] if count else self._fastest_ns


class TickCosts:
    """The costs of one variant's stages: their medians, as what longer ones cost is for the margin to learn.

    Attributes:
        reference: Drawing noise and particles.
        step: One transport step.
        select: Choosing one particle.
    """

    __slots__ = ("reference", "select", "step")

    def __init__(self, settings: ControllerSettings) -> None:
        self.reference = StageCost(settings.window)
        self.step = StageCost(settings.window)
        self.select = StageCost(settings.window)
