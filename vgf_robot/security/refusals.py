"""Whom a server turned away: every one counted, some of them said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import final

# Between two sentences about the same reason: whoever is refused must not fill anybody's log.
TELL_NS = 1_000_000_000


@final
class Refusals:
    """Counts refusals by reason, and says of each reason once a second at most what it is about.

    Args:
        tell: Takes a sentence for whoever runs the server; must be quick.
        clock: Monotonic nanoseconds.

    Attributes:
        counters: `refused.REASON`.
    """

    def __init__(self, tell: Callable[[str], object], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.counters: Counter[str] = Counter()
        self._tell = tell
        self._clock = clock
        self._told_ns: dict[str, int] = {}

    def note(self, reason: str, who: str, count: int = 1) -> None:
        """Take note of a refusal.

        Args:
            reason: One of few.
            who: What is known of the peer; no secret.
            count: How many there were.
        """
        self.counters[f"refused.{reason}"] += count
        now_ns = self._clock()
        told_ns = self._told_ns.get(reason)
        if told_ns is None or now_ns - told_ns >= TELL_NS:
            self._told_ns[reason] = now_ns
            self._tell(f"refused ({reason.replace('_', ' ')}): {who}; {self.counters[f'refused.{reason}']} so far")
