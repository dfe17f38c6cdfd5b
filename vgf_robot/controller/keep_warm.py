"""Ticks for nobody, so that whoever asks after a pause finds graphs, caches and the processor warm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import final

from vgf_robot.controller.budget import Budget
from vgf_robot.controller.controller import SEALED, Controller
from vgf_robot.controller.observation import middle_of_range

_log = logging.getLogger(__name__)


@final
class KeepWarm:
    """Runs a tick where nothing has run for a while; to be asked between two ticks.

    Such a tick has no deadline, so that no margin learns from it; its stages count among the others as what they cost
    here after a pause. One that fails is the last.

    Args:
        every_s: How long nothing runs at most, in seconds; None for ever.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, every_s: float | None, clock: Callable[[], int]) -> None:
        self._every_ns = None if every_s is None else round(every_s * 1e9)
        self._clock = clock
        self._last_ns = clock()

    def ran(self) -> None:
        """Note that a tick ran for somebody."""
        self._last_ns = self._clock()

    def turn(
        self, controller: Controller, budget: Budget = SEALED, between_stages: Callable[[], object] | None = None
    ) -> bool:
        """Run a tick where it is time, and return whether there was one.

        Args:
            controller: Warmed up.
            budget: What robots ask for, or are driven at; its variant is loaded.
            between_stages: As for a tick.
        """
        if self._every_ns is None or self._clock() - self._last_ns < self._every_ns:
            return False
        try:
            episode, observation = controller.begin_episode(0), middle_of_range(controller.manifest)
            controller.tick(episode, observation, None, budget, between_stages=between_stages)
        except Exception:  # it is the next robot's tick that has to say what is wrong
            _log.exception("A tick that was to keep the graphs warm failed; there will be no more of them.")
            self._every_ns = None
        self._last_ns = self._clock()
        return True
