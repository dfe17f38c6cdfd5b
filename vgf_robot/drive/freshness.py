"""Which observations may be acted upon."""

from __future__ import annotations

from typing import final

from vgf_robot.drive.sensor import Sensed


@final
class Freshness:
    """Tells a new observation from one that was acted upon already, or is too old.

    Args:
        max_age_ns: Older ones are stale; None for any age.
        max_repeats: How often one may be used again while no newer has come.
    """

    def __init__(self, *, max_age_ns: int | None, max_repeats: int) -> None:
        self._max_age_ns = max_age_ns
        self._max_repeats = max_repeats
        self._sequence: int | None = None
        self._repeats = 0

    def complaint(self, sensed: Sensed, now_ns: int) -> str:
        """Return why an observation is stale, half a sentence, or "" where it may be used; asked once per period.

        Args:
            sensed: The newest there is.
            now_ns: On the clock of its `taken_ns`.
        """
        self._repeats = self._repeats + 1 if sensed.sequence == self._sequence else 0
        self._sequence = sensed.sequence
        if self._repeats > self._max_repeats:
            return f"no new observation since sequence {sensed.sequence}"
        age_ns = now_ns - sensed.taken_ns
        if self._max_age_ns is not None and age_ns > self._max_age_ns:
            return f"observation {sensed.sequence} was {age_ns / 1e9:.3g} s old, {self._max_age_ns / 1e9:.3g} s allowed"
        return ""
