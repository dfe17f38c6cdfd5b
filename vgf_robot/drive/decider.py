"""What to do in a control period, and what that was decided from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Budget, Command, Controller, Episode, Reason, Start


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision of the controller.

    Attributes:
        start: What it started from.
        command: What was decided.
        began_ns: When the tick began.
        commanded_ns: When it was decided.
        deadline_ns: What it was held to; None where it was not, as on the ladder.
    """

    start: Start
    command: Command
    began_ns: int
    commanded_ns: int
    deadline_ns: int | None


@final
class Decider:
    """Asks the controller for one robot.

    Args:
        controller: Warmed up.
        episode: The robot's.
        clock: Monotonic nanoseconds, the controller's clock.
    """

    def __init__(self, controller: Controller, episode: Episode, clock: Callable[[], int]) -> None:
        self._controller = controller
        self._episode = episode
        self._clock = clock

    def tick(self, observation: NDArray[np.float32], deadline_ns: int, budget: Budget) -> Decided:
        """Return what a tick decides; as for `Controller.tick`."""
        start, began_ns = self._controller.start(self._episode, budget), self._clock()
        command = self._controller.tick(self._episode, observation, deadline_ns, budget)
        return self._decided(start, command, began_ns, deadline_ns)

    def fall_back(self, reason: Reason) -> Decided:
        """Return what the ladder decides without an observation; as for `Controller.fall_back`."""
        start, began_ns = self._controller.start(self._episode), self._clock()
        command = self._controller.fall_back(self._episode, reason)
        return self._decided(start, command, began_ns, None)

    def fall_back_from(self, late: Decided, reason: Reason) -> Decided:
        """Return what the ladder decides in place of an action that will not be sent, as if that had not been made."""
        self._episode.take_back(late.start)
        return self.fall_back(reason)

    def _decided(self, start: Start, command: Command, began_ns: int, deadline_ns: int | None) -> Decided:
        return Decided(
            start=start,
            command=command,
            began_ns=began_ns,
            commanded_ns=self._episode.commanded_ns,
            deadline_ns=deadline_ns,
        )
