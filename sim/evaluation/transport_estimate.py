"""How long messages are mostly under way, and what of a deadline has to be kept back for them."""

from __future__ import annotations

from collections import deque
from typing import final

import numpy as np

_WINDOW = 64
_QUANTILE = 0.9


@final
class TransportEstimate:
    """The times of the two ways together, of late.

    What they mostly took is kept back. A slow one now and then makes one reply late; it must not take the time from
    all others.
    """

    def __init__(self) -> None:
        self._recent_ns: deque[int] = deque(maxlen=_WINDOW)

    def note(self, duration_ns: int) -> None:
        """Note how long a message and its answer were under way."""
        self._recent_ns.append(duration_ns)

    def kept_back_ns(self, left_ns: int) -> float:
        """Return what to keep back of the time that is left until a deadline, and never more than half of it."""
        usual_ns = float(np.quantile(self._recent_ns, _QUANTILE)) if self._recent_ns else 0.0
        return min(usual_ns, left_ns / 2)
