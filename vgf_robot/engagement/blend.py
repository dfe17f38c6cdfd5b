"""The way from where the robot is to what the policy wants."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@final
class Blend:
    """A weight that grows from 0 to 1 while fresh actions come.

    It grows by one control period per action at most, however late that is, and not at all without a fresh action:
    neither a skipped period nor a spell on the ladder makes the mixture jump.

    Args:
        start: Shape (A,), what is sent at weight 0.
        blend_ns: Time of fresh actions from weight 0 to weight 1.
        period_ns: The control period.
        now_ns: Monotonic.
    """

    def __init__(self, start: Floats, *, blend_ns: int, period_ns: int, now_ns: int) -> None:
        self._start = start.astype(np.float64)
        self._blend_ns = blend_ns
        self._period_ns = period_ns
        self._passed_ns = 0
        self._seen_ns = now_ns

    @property
    def done(self) -> bool:
        """Whether the mixture is the policy's action alone."""
        return self._passed_ns >= self._blend_ns

    def advance(self, now_ns: int, *, fresh: bool) -> None:
        """Let the weight grow by the time since the last call, where the action is fresh."""
        if fresh:
            self._passed_ns += min(max(now_ns - self._seen_ns, 0), self._period_ns)
        self._seen_ns = now_ns

    def mix(self, action: Floats) -> Floats:
        """Return the mixture, shape (A,); the action itself once the blend is done."""
        if self.done:
            return action
        weight = self._passed_ns / self._blend_ns
        return (self._start + weight * (action - self._start)).astype(np.float32)
