"""From a message's frames to a reply or a job for the controller; no socket here."""

from __future__ import annotations

from typing import Any

import msgspec

from vgf_robot.security import Guard, Role
from vgf_robot.wire.addressed import Arrival, OutgoingReply
from vgf_robot.wire.admission import answer_cost_ns, pace_of
from vgf_robot.wire.codec import decode_request
from vgf_robot.wire.faults import ErrorKind, RefusedError, forbidden
from vgf_robot.wire.gate import Gate
from vgf_robot.wire.handshake import compare
from vgf_robot.wire.messages import (
    VERSION,
    Bye,
    Engage,
    EngagementReply,
    ErrorReply,
    Hello,
    Observe,
    Ping,
    Pong,
    Reply,
    Request,
    Welcome,
)
from vgf_robot.wire.observation_checks import ObservationChecks
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.session import Session
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState


class Dispatcher:
    """Checks every message and answers what needs no controller.

    Args:
        policy: What is served.
        settings: The server's settings.
        state: The server's memory; changed here.
        guard: The clients' rights; None where everybody may do everything.
    """

    def __init__(
        self, *, policy: ServedBundle, settings: ServeSettings, state: ServerState[Any], guard: Guard | None = None
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._state = state
        self._deadline_queue = state.deadline_queue
        self._counters = state.counters
        self._take_on(policy)

    def handle(self, arrival: Arrival) -> list[OutgoingReply]:
        """Return the replies that a message calls for at once; an observation goes to the deadline_queue instead."""
        self._counters["received"] += 1
        message: Request | None = None
        try:
            self._require(arrival, None)
            message = decode_request(self._payload(arrival))
            # Whoever only observes may ask how things are.
            self._require(arrival, None if isinstance(message, Ping) else Role.ACT)
            if isinstance(message, Observe):
                return self._observe(message, arrival)
            if isinstance(message, Bye):
                self._state.lose(arrival.identity, arrival.address)
                return []
            return [
                OutgoingReply(address=arrival.address, identity=arrival.identity, message=self._reply(message, arrival))
            ]
        except RefusedError as refusal:
            # Who is told to shake hands first asks again; every other refused observation has had its only answer.
            if isinstance(message, Observe) and refusal.kind is not ErrorKind.HANDSHAKE_REQUIRED:
                self._miss(arrival.identity, refusal)
            known = refusal.sequence if message is None else message.sequence
            return [self.refuse(arrival.address, arrival.identity, refusal, known)]

    def refuse(self, address: bytes, identity: bytes, refusal: RefusedError, sequence: int | None) -> OutgoingReply:
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
        return OutgoingReply(address=address, identity=identity, message=message)

    def counters(self) -> dict[str, int]:
        """Return what has happened since the start."""
        if self._guard is None:
            return dict(self._counters)
        return {**self._counters, **self._guard.refusals.counters}

    def expel(self) -> list[OutgoingReply]:
        """Forget the clients that may not act any more, and return what those of them who wait are told."""
        guard = self._guard
        if guard is None:
            return []
        replies: list[OutgoingReply] = []
        for identity in [each for each in self._state.sessions if not guard.rights.may(each.decode(), Role.ACT)]:
            job = self._deadline_queue.forget(identity)
            if job is not None:
                self._counters["missed"] += 1
                replies.append(self.refuse(job.address, identity, forbidden(Role.ACT), job.sequence))
            self._state.forget(identity)
        return replies

    def adopt(self, policy: ServedBundle) -> list[OutgoingReply]:
        """Serve another bundle from now on, and return what those who wait are told: to shake hands again."""
        self._take_on(policy)
        return self._refuse_waiting(_greet_again(), missed=False)

    def ask_again(self, outgoing: OutgoingReply) -> OutgoingReply:
        """Return what is sent in place of an answer that is not to be used: its client shakes hands and asks again."""
        return self.refuse(outgoing.address, outgoing.identity, _greet_again(), outgoing.message.sequence)

    def close(self) -> list[OutgoingReply]:
        """Return an error reply for every observation that will not be answered any more."""
        refusal = RefusedError(
            ErrorKind.SHUTTING_DOWN, expected="a running server", found="one that stops", advice="connect later"
        )
        return self._refuse_waiting(refusal, missed=True)

    def _take_on(self, policy: ServedBundle) -> None:
        self._policy = policy
        self._sha256 = policy.sha256
        self._checks = ObservationChecks(policy, self._settings.max_observation_age_s)

    def _refuse_waiting(self, refusal: RefusedError, *, missed: bool) -> list[OutgoingReply]:
        replies: list[OutgoingReply] = []
        while (job := self._deadline_queue.take()) is not None:
            self._counters["missed"] += missed
            replies.append(self.refuse(job.address, job.identity, refusal, job.sequence))
        return replies

    def _require(self, arrival: Arrival, role: Role | None) -> None:
        """Ask for the sender's rights, with every message: its connection outlasts them."""
        if self._guard is not None and not self._guard.permits(arrival.user, role):
            raise forbidden(role)

    def _payload(self, arrival: Arrival) -> bytes:
        if arrival.excess:
            raise RefusedError(
                ErrorKind.TOO_FAST,
                expected="a question at a time",
                found="messages faster than they are read",
                advice="wait for the answer, or for its deadline",
            )
        if arrival.num_frames != 1:
            raise RefusedError(ErrorKind.TOO_MANY_FRAMES, expected="one frame", found=f"{arrival.num_frames} frames")
        payload, limit = arrival.frames[0], self._settings.max_message_bytes
        if len(payload) > limit:
            raise RefusedError(ErrorKind.TOO_LARGE, expected=f"at most {limit} bytes", found=f"{len(payload)} bytes")
        return payload

    def _reply(self, message: Hello | Engage | Ping, arrival: Arrival) -> Reply:
        if isinstance(message, Hello):
            return self._welcome(message, arrival)
        return self._engage(message, arrival) if isinstance(message, Engage) else self._pong(message, arrival)

    def _welcome(self, hello: Hello, arrival: Arrival) -> Welcome:
        policy, settings = self._policy, self._settings
        manifest = policy.manifest
        compare(hello.expect, policy.facts)
        pace = pace_of(
            hello.rate_hz, control_period_s=manifest.control_period_s, deadline_share=settings.deadline_share
        )
        engagement = settings.engagement
        session: Session[Any] = Session(
            name=hello.name,
            address=arrival.address,
            last_sequence=hello.sequence,
            last_heard_ns=arrival.arrived_ns,
            bundle_sha256=policy.sha256,
            pace=pace,
            gate=None if engagement is None else Gate(manifest, engagement, period_ns=pace.period_ns),
        )
        cost_ns = answer_cost_ns(policy.controller.costs(), self._state.overheads_ns)
        self._state.open_session(arrival.identity, session, cost_ns)
        return msgspec.structs.replace(
            policy.facts, sequence=hello.sequence, default_deadline_us=round(pace.deadline_ns / 1000)
        )

    def _engage(self, engage: Engage, arrival: Arrival) -> EngagementReply:
        session = self._session(arrival)
        session.last_heard_ns = arrival.arrived_ns
        if session.gate is None:
            raise RefusedError(
                ErrorKind.ENGAGEMENT,
                expected="a server that engages its clients",
                found="one that sends every action",
                advice="serve with `engagement:` in the configuration, or check the first action at the robot",
            )
        session.gate.instruct(engage.action)
        return EngagementReply(
            version=VERSION, sequence=engage.sequence, state=session.gate.state, reason=session.gate.reason
        )

    def _pong(self, ping: Ping, arrival: Arrival) -> Pong:
        session = self._state.sessions.get(arrival.identity)
        if session is not None:
            session.last_heard_ns = arrival.arrived_ns
        counters = {**self.counters(), "clients": len(self._state.sessions), "waiting": len(self._deadline_queue)}
        return Pong(version=VERSION, sequence=ping.sequence, ready=True, counters=counters)

    def _observe(self, message: Observe, arrival: Arrival) -> list[OutgoingReply]:
        session = self._session(arrival)
        session.last_heard_ns = arrival.arrived_ns
        job = self._checks.job(
            message,
            session,
            identity=arrival.identity,
            address=arrival.address,
            arrived_ns=arrival.arrived_ns,
        )
        replaced = self._deadline_queue.put(job)
        if replaced is None:
            return []
        self._counters["missed"] += 1
        refusal = RefusedError(
            ErrorKind.SUPERSEDED,
            expected="the newest observation",
            found=f"{replaced.sequence}, older than {message.sequence}",
        )
        return [self.refuse(replaced.address, replaced.identity, refusal, replaced.sequence)]

    def _session(self, arrival: Arrival) -> Session[Any]:
        session = self._state.sessions.get(arrival.identity)
        # One key has one session, that of the connection which said hello last.
        if session is None or session.address != arrival.address:
            raise RefusedError(
                ErrorKind.HANDSHAKE_REQUIRED,
                expected="a hello before the first observation",
                found="no session",
                advice="say hello, again if the server was restarted or the client silent for long",
            )
        if session.bundle_sha256 != self._sha256:
            raise _greet_again()
        return session

    def _miss(self, identity: bytes, refusal: RefusedError) -> None:
        self._counters["missed"] += 1
        session = self._state.sessions.get(identity)
        if session is not None and session.gate is not None:
            session.gate.lost(f"the server refused it as {refusal.kind.value}")


def _greet_again() -> RefusedError:
    return RefusedError(
        ErrorKind.HANDSHAKE_REQUIRED,
        expected="a hello for the bundle that is served now",
        found="a session with the one before",
        advice="say hello again, and compare bundle_sha256",
    )
