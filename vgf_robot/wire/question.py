"""What a client asks: every value made plain and checked at the call, so that a control loop fails with a sentence."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from vgf_robot.controller import Budget
from vgf_robot.errors import BudgetError, ProtocolError
from vgf_robot.wire.arrays import WireArray, pack
from vgf_robot.wire.messages import NO_DEADLINE_US, VERSION, Engage, Instruction, Observe, Ping

LARGEST_SEED = 2**63 - 1
LONGEST_S = NO_DEADLINE_US / 1e6


@dataclass(slots=True, kw_only=True)
class Question:
    """What waits for an answer.

    Attributes:
        write: Makes the message from its sequence number and the time; called again when it has to be sent again.
        needs_session: Whether a handshake comes first.
        sequence: Number of the message that is on its way; None while none is.
        sent_ns: When that one was handed to the socket.
    """

    write: Callable[[int, int], Observe | Engage | Ping]
    needs_session: bool = True
    sequence: int | None = None
    sent_ns: int = 0


def observation_question(
    observation: ArrayLike,
    *,
    episode: int,
    seed: int,
    deadline_s: SupportsFloat | None,
    budget: Budget | None,
    age_s: SupportsFloat,
    asked_ns: int,
    pose: ArrayLike | None = None,
) -> Question:
    """Return the question for an action.

    Args:
        observation: Shape (O,).
        episode: The client's number of the episode.
        seed: Of the episode.
        deadline_s: Wanted this long after arrival at the server.
        budget: What the request allows.
        age_s: How old the observation is.
        asked_ns: The time of the call, on the client's clock.
        pose: Shape (A,), where the robot is.

    Raises:
        ProtocolError: A value that no server would take.
        BudgetError: The budget is none.
    """
    if not isinstance(budget, Budget | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BudgetError(f"budget: expected a Budget or None, found {type(budget).__name__}; make one of its values.")
    asked = _Asked(
        observation=_vector("observation", observation),
        pose=None if pose is None else _vector("pose", pose),
        episode=episode,
        seed=seed,
        budget=budget or Budget(),
        age_us=round(seconds("observation_age_s", age_s) * 1e6),
        deadline_us=None if deadline_s is None else round(seconds("deadline_s", deadline_s) * 1e6),
        asked_ns=asked_ns,
    )
    return Question(write=asked.write)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An observation at the time of the call."""

    observation: WireArray
    pose: WireArray | None
    episode: int
    seed: int
    budget: Budget
    age_us: int
    deadline_us: int | None
    asked_ns: int

    def write(self, sequence: int, now_ns: int) -> Observe:
        """Return the message; sent again to a restarted server, it is older and its deadline nearer."""
        passed_us = (now_ns - self.asked_ns) // 1000
        left_us = self.deadline_us
        if left_us is not None and left_us < NO_DEADLINE_US:
            left_us = max(0, left_us - passed_us)
        return Observe(
            version=VERSION,
            sequence=sequence,
            episode=self.episode,
            seed=self.seed,
            observation=self.observation,
            observation_age_us=self.age_us + passed_us,
            deadline_us=left_us,
            budget=self.budget,
            pose=self.pose,
        )


def engagement_question(action: Instruction) -> Question:
    """Return the question for another state of engagement."""
    return Question(write=lambda sequence, _: Engage(version=VERSION, sequence=sequence, action=action))


def ping_question() -> Question:
    """Return the question whether the server is there, which needs no session."""
    return Question(write=lambda sequence, _: Ping(version=VERSION, sequence=sequence), needs_session=False)


def seconds(name: str, value: SupportsFloat) -> float:
    """Return a time as a plain number.

    Raises:
        ProtocolError: It is no number, not finite, negative or above an hour.
    """
    try:
        plain = float(value)
    except (TypeError, ValueError, OverflowError):
        plain = math.nan
    if 0 <= plain <= LONGEST_S:
        return plain
    raise ProtocolError(f"{name}: expected 0 to {LONGEST_S:g} seconds, found {value!r}; give another one.")


def positive(name: str, value: SupportsFloat) -> float:
    """Return a number above 0 as a plain one.

    Raises:
        ProtocolError: It is no such number, or not finite.
    """
    try:
        plain = float(value)
    except (TypeError, ValueError, OverflowError):
        plain = math.nan
    if math.isfinite(plain) and plain > 0:
        return plain
    raise ProtocolError(f"{name}: expected a number above 0, found {value!r}; give another one.")


def plain_seed(value: SupportsIndex) -> int:
    """Return an episode's seed as a plain number.

    Raises:
        ProtocolError: It is no integer, negative, or too large for the wire.
    """
    try:
        seed = operator.index(value)
    except TypeError:
        seed = -1
    if 0 <= seed <= LARGEST_SEED:
        return seed
    raise ProtocolError(f"seed: expected an integer from 0 to 2**63 - 1, found {value!r}; give another one.")


def _vector(name: str, values: ArrayLike) -> WireArray:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise ProtocolError(
            f"{name}: expected numbers, found {type(values).__name__} of {array.dtype}; give one flat array."
        )
    # A float beyond float32's range becomes infinite, and is refused as such at the server.
    with np.errstate(over="ignore"):
        return pack(array)
