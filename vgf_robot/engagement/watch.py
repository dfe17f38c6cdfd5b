"""What is borne of a robot that follows the policy, and for how long."""

from __future__ import annotations

from collections import deque
from typing import final

from vgf_robot.controller import Command, Reason
from vgf_robot.engagement.settings import EngagementSettings


@final
class Watch:
    """Counts periods without an observation, commands without a fresh action, and unknown territory."""

    def __init__(self, settings: EngagementSettings) -> None:
        self._settings = settings
        self._stale = 0
        self._fallbacks = 0
        self._outside: deque[bool] = deque(maxlen=settings.outside_window)
        self._num_outside = 0

    def lost(self, reason: str) -> str:
        """Count a period without a usable observation; return the fault that this is, or "".

        Args:
            reason: Why there was none, half a sentence.
        """
        self._stale += 1
        if self._stale < self._settings.max_stale_periods:
            return ""
        return (
            f"No usable observation for {self._stale} control periods in a row ({reason}); look at the sensor, then "
            "clear the fault."
        )

    def command(self, command: Command) -> str:
        """Count a command; return the fault that this is, or ""."""
        if command.reason is not Reason.STALE_OBSERVATION:
            self._stale = 0
            self._count_outside(command.num_outside > 0)
        self._fallbacks = 0 if command.rung.fresh else self._fallbacks + 1
        if self._fallbacks >= self._settings.max_fallback_periods:
            return (
                f"No fresh action for {self._fallbacks} control periods in a row (the last for "
                f"'{command.reason.value}'); find what takes the time, then clear the fault."
            )
        window, allowed = self._settings.outside_window, self._settings.max_outside_share
        if self._num_outside > allowed * window:
            return (
                f"{self._num_outside} of the last {window} observations were outside the range seen in training, where "
                f"a share of {allowed:.3g} is allowed; move the robot back to where its policy knows the way, then "
                "clear the fault."
            )
        return ""

    def _count_outside(self, outside: bool) -> None:
        if len(self._outside) == self._outside.maxlen:
            self._num_outside -= self._outside[0]
        self._outside.append(outside)
        self._num_outside += outside
