"""Who answers observations: the controller in this process, or one behind a socket; the loops see no difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Command, Controller
from vgf_robot.errors import ServerError
from vgf_robot.wire import ServeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came back for one observation.

    Attributes:
        command: What the controller decided.
        valid_for_ns: How long after its arrival the action may be used.
        round_trip_ns: From sending the observation to holding the action; None where nothing is sent.
        data_distance: Of observation and action from the nearest of a dataset; None where there is none.
    """

    command: Command
    valid_for_ns: int
    round_trip_ns: int | None
    data_distance: float | None = None


class Driver(Protocol):
    """One robot's side of the controller."""

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs, so that no request has to wait for it."""
        ...

    def begin_episode(self, seed: int) -> None:
        """Forget the previous episode; particles are drawn from this seed on."""
        ...

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action.

        Args:
            observation: Shape (O,).
            budget: What the request may spend.
            deadline_ns: When the action must be here, on the monotonic clock; None waits for every step.

        Returns:
            The answer; None where none came in reasonable time.
        """
        ...

    def close(self) -> None:
        """Release what the driver holds."""
        ...


class Restartable(Protocol):
    """A controller that can break down, and begin anew."""

    def crash(self) -> None:
        """Break down: nobody asks until `recover`, or until the next episode begins."""
        ...

    def recover(self) -> None:
        """Begin anew; the episode goes on without its past."""
        ...


@final
class InProcess:
    """The controller itself, without a socket.

    After a crash it is another controller, until the episode ends: what the first one has learned of this machine is
    not lost to the episodes that follow.
    """

    def __init__(
        self, controller: Controller, control_period_s: float, again: Callable[[], Controller] | None = None
    ) -> None:
        """Drive a controller.

        Args:
            controller: Warmed up.
            control_period_s: The bundle's.
            again: Opens another one like it, for `recover`; None where none will be needed.
        """
        self._first = self._controller = controller
        self._again = again
        self._budget = Budget()
        self._seed = 0
        self._episode = controller.begin_episode(0)
        # As a server with its settings left alone would say.
        self._valid_for_ns = round(ServeSettings().valid_for_periods * control_period_s * 1e9)

    @classmethod
    def open(cls, bundle: Bundle, backend: str, threads: int) -> InProcess:
        """Open and warm up a controller.

        Args:
            bundle: What to run.
            backend: Name of the backend.
            threads: Threads of the backend.
        """
        again = partial(Controller.open, bundle, backend=backend, threads=threads)
        return cls(again(), bundle.manifest.control_period_s, again)

    def prepare(self, budget: Budget) -> None:
        """Load and warm up the graphs for this budget's N, unless they are loaded."""
        self._first.prepare(budget)
        self._budget = budget

    def begin_episode(self, seed: int) -> None:
        """Forget the previous episode; particles are drawn from this seed on."""
        self._controller, self._seed = self._first, seed
        self._episode = self._controller.begin_episode(seed)

    def crash(self) -> None:
        """Nobody asks until `recover`, and that makes another one."""

    def recover(self) -> None:
        """Load and warm up another controller; blocks for it.

        Raises:
            ServerError: It was made without a way to open another one.
        """
        if self._again is None:
            raise ServerError("This controller cannot begin anew; open it with `InProcess.open`.")
        self._controller = self._again()
        self._controller.prepare(self._budget)
        self._episode = self._controller.begin_episode(self._seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action; blocks for the tick."""
        command = self._controller.tick(self._episode, observation, deadline_ns, budget)
        return Delivery(command=command, valid_for_ns=self._valid_for_ns, round_trip_ns=None)

    def close(self) -> None:
        """Nothing is held beyond memory."""
