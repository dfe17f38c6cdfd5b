"""From an observation as it was sent to a job that passed every check."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, final

import msgspec

from vgf_robot.controller import resolve
from vgf_robot.errors import BudgetError
from vgf_robot.wire.arrays import unpack
from vgf_robot.wire.deadline_queue import Job
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import NO_DEADLINE_US, Observe
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.session import Session

NUM_BUDGETS_KEPT = 256


@final
class ObservationChecks:
    """Checks observations against one bundle.

    Args:
        policy: What is served.
        max_age_s: Older observations are refused; None accepts any age.
    """

    def __init__(self, policy: ServedBundle, max_age_s: float | None) -> None:
        self._manifest = policy.manifest
        self._max_age_s = max_age_s
        # Budgets repeat from request to request; a refused one raises and is not kept.
        self._resolve = lru_cache(NUM_BUDGETS_KEPT)(partial(resolve, manifest=policy.manifest))

    def job(self, message: Observe, session: Session[Any], *, identity: bytes, address: bytes, arrived_ns: int) -> Job:
        """Return the job, and take note of its number.

        Args:
            message: As it was sent.
            session: Its sender's.
            identity: Whose session it is.
            address: Where the answer goes.
            arrived_ns: When the message came.

        Raises:
            RefusedError: It is not newer than the one before, too old, or has values that will not do.
        """
        _check_sequence(message.sequence, session.last_sequence)
        _check_age(message.observation_age_us, self._max_age_s)
        observation = unpack(message.observation, self._manifest.observation)
        pose = None if message.pose is None else unpack(message.pose, self._manifest.action)
        self._check_budget(message)
        session.last_sequence = message.sequence
        deadline_us = message.deadline_us
        return Job(
            identity=identity,
            address=address,
            sequence=message.sequence,
            episode=message.episode,
            seed=message.seed,
            observation=observation,
            budget=message.budget,
            arrived_ns=arrived_ns,
            deadline_ns=arrived_ns + (session.pace.deadline_ns if deadline_us is None else 1000 * deadline_us),
            unhurried=deadline_us == NO_DEADLINE_US,
            pose=pose,
        )

    def _check_budget(self, message: Observe) -> None:
        try:
            self._resolve(message.budget)
        except BudgetError as error:
            raise RefusedError(
                ErrorKind.BUDGET,
                expected="a budget within the bundle's operating point",
                found=_spell(message),
                advice=str(error).rstrip("."),
            ) from error


def _check_sequence(sequence: int, last: int) -> None:
    if sequence <= last:
        raise RefusedError(ErrorKind.STALE_SEQUENCE, expected=f"a sequence number above {last}", found=str(sequence))


def _check_age(age_us: int, limit_s: float | None) -> None:
    if limit_s is not None and age_us > limit_s * 1e6:
        raise RefusedError(
            ErrorKind.STALE_OBSERVATION,
            expected=f"an observation of at most {limit_s * 1e3:g} ms",
            found=f"one of {age_us / 1e3:g} ms",
            advice="look at the sensor: it may have stopped",
        )


def _spell(message: Observe) -> str:
    asked = msgspec.structs.asdict(message.budget)
    return ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
