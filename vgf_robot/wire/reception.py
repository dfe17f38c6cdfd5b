"""From a message's frames to a reply or a job for the controller; no socket here."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import msgspec

from vgf_robot.bundle import Manifest
from vgf_robot.controller import resolve
from vgf_robot.errors import BudgetError
from vgf_robot.wire.arrays import unpack
from vgf_robot.wire.codec import decode_request
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.handshake import compare
from vgf_robot.wire.messages import VERSION, Bye, ErrorReply, Hello, Observe, Ping, Pong, Reply, Request, Welcome
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import Job, ServerState, Session

NUM_BUDGETS_KEPT = 256


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came off the socket.

    Attributes:
        address: Where replies go: the connection's routing id.
        identity: What state hangs on.
        frames: The first frames after the routing id.
        num_frames: How many there were in all.
        arrived_ns: When it was taken off the socket.
    """

    address: bytes
    identity: bytes
    frames: tuple[bytes, ...]
    num_frames: int
    arrived_ns: int


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A reply on its way; `deadline_ns` is None where none was promised."""

    address: bytes
    identity: bytes
    message: Reply
    deadline_ns: int | None = None


class Reception:
    """Checks every message and answers what needs no controller.

    Args:
        manifest: What the bundle says of the robot.
        facts: The answer to a Hello.
        settings: The server's settings.
        state: The server's memory; changed here.
    """

    def __init__(
        self,
        *,
        manifest: Manifest,
        facts: Welcome,
        settings: ServeSettings,
        state: ServerState[Any],
    ) -> None:
        self._manifest = manifest
        # Budgets repeat from request to request; a refused one raises and is not kept.
        self._resolve = lru_cache(NUM_BUDGETS_KEPT)(partial(resolve, manifest=manifest))
        self._facts = facts
        self._settings = settings
        self._state = state
        self._mailbox = state.mailbox
        self._counters = state.counters

    def handle(self, arrival: Arrival) -> list[Parcel]:
        """Return the replies that a message calls for at once; an observation goes to the mailbox instead."""
        self._counters["received"] += 1
        message: Request | None = None
        try:
            message = decode_request(self._payload(arrival))
            if isinstance(message, Hello):
                return [self._parcel(arrival, self._welcome(message, arrival))]
            if isinstance(message, Ping):
                return [self._parcel(arrival, self._pong(message, arrival))]
            if isinstance(message, Bye):
                self._state.forget(arrival.identity)
                return []
            return self._observe(message, arrival)
        except RefusedError as refusal:
            # Who is told to shake hands first asks again; every other refused observation has had its only answer.
            if isinstance(message, Observe) and refusal.kind is not ErrorKind.HANDSHAKE_REQUIRED:
                self._counters["missed"] += 1
            known = refusal.sequence if message is None else message.sequence
            return [self.refuse(arrival.address, arrival.identity, refusal, known)]

    def refuse(self, address: bytes, identity: bytes, refusal: RefusedError, sequence: int | None) -> Parcel:
        """Return the error reply for a message that is not acted upon, and count it."""
        self._counters[f"error.{refusal.kind.value}"] += 1
        message = ErrorReply(
            version=VERSION,
            sequence=sequence,
            kind=refusal.kind,
            expected=refusal.expected,
            found=refusal.found,
            advice=refusal.advice,
        )
        return Parcel(address=address, identity=identity, message=message)

    def close(self) -> list[Parcel]:
        """Return an error reply for every observation that will not be answered any more."""
        parcels: list[Parcel] = []
        while (job := self._mailbox.take()) is not None:
            self._counters["missed"] += 1
            refusal = RefusedError(
                ErrorKind.SHUTTING_DOWN, expected="a running server", found="one that stops", advice="connect later"
            )
            parcels.append(self.refuse(job.address, job.identity, refusal, job.sequence))
        return parcels

    def _payload(self, arrival: Arrival) -> bytes:
        if arrival.num_frames != 1:
            raise RefusedError(ErrorKind.TOO_MANY_FRAMES, expected="one frame", found=f"{arrival.num_frames} frames")
        payload, limit = arrival.frames[0], self._settings.max_message_bytes
        if len(payload) > limit:
            raise RefusedError(ErrorKind.TOO_LARGE, expected=f"at most {limit} bytes", found=f"{len(payload)} bytes")
        return payload

    def _welcome(self, hello: Hello, arrival: Arrival) -> Welcome:
        compare(hello.expect, self._facts)
        self._state.open_session(arrival.identity, hello.name, hello.sequence, arrival.arrived_ns)
        return msgspec.structs.replace(self._facts, sequence=hello.sequence)

    def _pong(self, ping: Ping, arrival: Arrival) -> Pong:
        session = self._state.sessions.get(arrival.identity)
        if session is not None:
            session.last_heard_ns = arrival.arrived_ns
        counters = {**self._counters, "clients": len(self._state.sessions), "waiting": len(self._mailbox)}
        return Pong(version=VERSION, sequence=ping.sequence, ready=True, counters=counters)

    def _observe(self, message: Observe, arrival: Arrival) -> list[Parcel]:
        session = self._session(arrival.identity)
        session.last_heard_ns = arrival.arrived_ns
        _check_sequence(message.sequence, session.last_sequence)
        _check_age(message.observation_age_us, self._settings.max_observation_age_s)
        observation = unpack(message.observation, self._manifest.observation)
        self._check_budget(message)
        session.last_sequence = message.sequence
        deadline_us = message.deadline_us if message.deadline_us is not None else self._facts.default_deadline_us
        replaced = self._mailbox.put(
            Job(
                identity=arrival.identity,
                address=arrival.address,
                sequence=message.sequence,
                episode=message.episode,
                seed=message.seed,
                observation=observation,
                budget=message.budget,
                arrived_ns=arrival.arrived_ns,
                deadline_ns=arrival.arrived_ns + 1000 * deadline_us,
            )
        )
        return [] if replaced is None else [self._superseded(replaced, message.sequence)]

    def _session(self, identity: bytes) -> Session[Any]:
        session = self._state.sessions.get(identity)
        if session is None:
            raise RefusedError(
                ErrorKind.HANDSHAKE_REQUIRED,
                expected="a hello before the first observation",
                found="no session",
                advice="say hello, again if the server was restarted or the client silent for long",
            )
        return session

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

    def _superseded(self, job: Job, by: int) -> Parcel:
        self._counters["missed"] += 1
        refusal = RefusedError(
            ErrorKind.SUPERSEDED, expected="the newest observation", found=f"{job.sequence}, older than {by}"
        )
        return self.refuse(job.address, job.identity, refusal, job.sequence)

    @staticmethod
    def _parcel(arrival: Arrival, message: Reply) -> Parcel:
        return Parcel(address=arrival.address, identity=arrival.identity, message=message)


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
