"""What happened in each control period, for the plots; rows keep sums only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver
from sim.evaluation.real_time import Clock
from vgf_robot.controller import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One period in which an action was asked for.

    Attributes:
        due_ns: The deadline, on the monotonic clock.
        arrival_ns: When the answer was here; None where none came.
        steps: Transport steps that were taken for it; None likewise.
        fresh: Whether the action used the observation.
    """

    due_ns: int
    arrival_ns: int | None
    steps: int | None
    fresh: bool

    @property
    def missed(self) -> bool:
        """Whether the period went without a fresh action by its deadline."""
        return self.arrival_ns is None or self.arrival_ns > self.due_ns or not self.fresh


@dataclass(slots=True)
class Trace:
    """The requests of each episode in turn; a period that was skipped has none."""

    episodes: list[list[Request]] = field(default_factory=list[list[Request]])

    def requests(self) -> list[Request]:
        """Return the requests of all episodes."""
        return [request for episode in self.episodes for request in episode]


@final
class Traced:
    """A `Driver` that notes what went through it."""

    def __init__(self, driver: Driver, trace: Trace, clock: Clock) -> None:
        self._driver = driver
        self._trace = trace
        self._clock = clock

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode, and a page of the trace."""
        self._trace.episodes.append([])
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action and note the answer; a request without a deadline has nothing to be compared with."""
        answer = self._driver.act(observation, budget, deadline_ns)
        if deadline_ns is not None:
            self._trace.episodes[-1].append(
                Request(
                    due_ns=deadline_ns,
                    arrival_ns=None if answer is None else self._clock.now_ns(),
                    steps=None if answer is None else answer.command.steps,
                    fresh=answer is not None and answer.command.rung.fresh,
                )
            )
        return answer

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()
