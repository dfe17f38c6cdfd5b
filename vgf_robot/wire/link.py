"""A robot's loop that keeps going: answers while there are any, and what takes their place while there are none."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import SupportsIndex, final

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from vgf_robot.controller import Budget
from vgf_robot.errors import ProtocolError, ServerError, VgfError
from vgf_robot.wire.answer import Answer
from vgf_robot.wire.client import Client
from vgf_robot.wire.faults import AnswerExpiredError
from vgf_robot.wire.messages import Welcome
from vgf_robot.wire.question import seconds

Floats = NDArray[np.float32]


class Source(str, Enum):
    """Where the action of a step came from, best first."""

    ANSWER = "answer"  # of this step's observation
    HELD = "held"  # the last answer's, which is still valid; absolute actions only
    SAFE = "safe"  # the bundle's safe action, or the way to it
    STANDBY = "standby"  # the robot is not engaged, or was not sent anything yet in this episode
    NONE = "none"  # no server has answered yet, so that nothing is known of the robot


class LinkAction(msgspec.Struct, frozen=True, kw_only=True):
    """What one step has for the robot.

    Attributes:
        action: Shape (A,), float32, in the robot's units; None where it is to be sent nothing, and whatever holds it
            should go on holding it.
        source: Where it came from.
        answer: This step's, None where there is none.
        trouble: Why there is none.
    """

    action: Floats | None
    source: Source
    answer: Answer | None = None
    trouble: VgfError | None = None


@final
class RobotLink:
    """Asks a server once per control period, and has something for the robot in every one; for one thread.

    Usage:
        ```python
        with RobotLink(Client("tcp://127.0.0.1:5555"), wait_s=0.04) as link:
            link.begin_episode(seed=0)
            while True:
                step = link.step(observation)
                if step.action is not None:
                    robot.send(step.action)
        ```

    A server that does not answer, refuses, is restarted or comes back with another bundle ends no step: the last action
    is held while it is valid (absolute actions: another kind would move the robot once more), after that the safe
    action takes its place. No step takes longer than `wait_s`, and no action is used beyond its time. Where the bundle
    limits the rate of change, the way to the safe action and the way back to the server's keep to it: a server that was
    restarted does not know where the robot went meanwhile.

    Args:
        client: To ask with; closed with the link, and connected whenever there is a server.
        wait_s: How long a step waits for its answer, in seconds; less than the control period.
        clock: Monotonic nanoseconds, the client's clock.

    Raises:
        ProtocolError: The time is none.
    """

    def __init__(self, client: Client, *, wait_s: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.client = client
        self._wait_s = seconds("wait_s", wait_s)
        self._clock = clock
        self._facts: Welcome | None = None
        self._last: Floats | None = None
        self._last_ns = 0
        self._valid_until_ns = 0
        self._astray = False  # whether the robot was sent another action last than the server knows of

    def begin_episode(self, seed: SupportsIndex) -> None:
        """Begin an episode with the next step; see `Client.begin_episode`.

        Raises:
            ProtocolError: The seed is none.
        """
        self.client.begin_episode(seed)
        self._last, self._astray = None, False

    def step(
        self,
        observation: ArrayLike,
        *,
        deadline_s: float | None = None,
        budget: Budget | None = None,
        observation_age_s: float = 0.0,
        pose: ArrayLike | None = None,
    ) -> LinkAction:
        """Return what the robot is to be sent in this control period.

        Args:
            observation: As for `Client.act`.
            deadline_s: As for `Client.act`.
            budget: As for `Client.act`.
            observation_age_s: As for `Client.act`.
            pose: As for `Client.act`.

        Raises:
            ProtocolError: No episode has begun, or a value that no server would take.
            BudgetError: The budget is none.
        """
        self.client.send(
            observation, deadline_s=deadline_s, budget=budget, observation_age_s=observation_age_s, pose=pose
        )
        try:
            answer = self.client.wait(self._wait_s)
        except (ServerError, ProtocolError) as trouble:
            return self._without(trouble)
        return self._with(answer)

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def __enter__(self) -> RobotLink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _with(self, answer: Answer) -> LinkAction:
        facts = self._facts = self.client.welcome
        if answer.valid_for_ns == 0:  # withheld
            self._last = None
            return LinkAction(action=_stillness(facts), source=Source.STANDBY, answer=answer)
        if answer.expired(self._clock()):
            return self._without(AnswerExpiredError(answer.round_trip_ns / 1e9, answer.valid_for_ns / 1e9))
        action = answer.action
        # Its first answer again means a server that was restarted and holds it to nothing.
        if self._last is not None and (self._astray or answer.episode_tick == 1):
            action = self._toward(action, facts)
            self._astray = not np.array_equal(action, answer.action)
        self._send(action)
        self._valid_until_ns = answer.valid_until_ns
        return LinkAction(action=action, source=Source.ANSWER, answer=answer)

    def _without(self, trouble: VgfError) -> LinkAction:
        facts, last = self._facts, self._last
        if facts is None:
            return LinkAction(action=None, source=Source.NONE, trouble=trouble)
        if last is None:
            return LinkAction(action=_stillness(facts), source=Source.STANDBY, trouble=trouble)
        if facts.action_kind == "absolute" and self._clock() < self._valid_until_ns:
            return LinkAction(action=last, source=Source.HELD, trouble=trouble)
        action = self._send(self._toward(np.array(facts.safe_action, np.float32), facts))
        self._astray = True
        return LinkAction(action=action, source=Source.SAFE, trouble=trouble)

    def _send(self, action: Floats) -> Floats:
        self._last, self._last_ns = action, self._clock()
        return action

    def _toward(self, goal: Floats, facts: Welcome) -> Floats:
        """Return the point on the way from the last action to the goal that the limit on the rate of change allows."""
        if self._last is None or facts.action_rate_limit is None:
            return goal
        passed_s = min((self._clock() - self._last_ns) / 1e9, facts.control_period_s)
        most = np.array(facts.action_rate_limit) * passed_s
        start = self._last.astype(np.float64)
        return (start + np.clip(goal - start, -most, most)).astype(np.float32)


def _stillness(facts: Welcome) -> Floats | None:
    """Return what moves a robot least that nobody has engaged; nothing where every action is a place to go to."""
    return None if facts.action_kind == "absolute" else np.array(facts.safe_action, np.float32)
