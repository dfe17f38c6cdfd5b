"""From the most urgent observation to its answer: the one place where the controller runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vgf_robot.controller import Command, Controller, Episode
from vgf_robot.wire.addressed import OutgoingReply
from vgf_robot.wire.answer import ReplyFacts, act_of
from vgf_robot.wire.deadline_queue import Job
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.gate import Admitted, Gate
from vgf_robot.wire.messages import VERSION, ErrorReply
from vgf_robot.wire.served_tick import ServedTick
from vgf_robot.wire.session import Session
from vgf_robot.wire.state import ServerState

# A fault that repeats at every tick must not fill the log.
MAX_LOGGED_FAULTS = 10

_log = logging.getLogger(__name__)


class Worker:
    """Runs one tick at a time.

    Args:
        controller: What turns observations into commands.
        state: The server's memory; changed here.
        handover_ns: Kept back from each deadline for the way from the tick to the socket.
        valid_for_us: How long a receiver may use an action.
        clock: Monotonic nanoseconds, the controller's clock.
    """

    def __init__(
        self,
        *,
        controller: Controller,
        state: ServerState[Episode],
        handover_ns: int,
        valid_for_us: int,
        clock: Callable[[], int],
    ) -> None:
        self._controller = controller
        self._sessions = state.sessions
        self._deadline_queue = state.deadline_queue
        self._counters = state.counters
        self._handover_ns = handover_ns
        self._valid_for_us = valid_for_us
        self._clock = clock

    @property
    def controller(self) -> Controller:
        """What runs."""
        return self._controller

    def adopt(self, controller: Controller) -> None:
        """Run another controller from now on, which knows nothing of the particles of the one before."""
        controller.succeed(self._controller)
        self._controller = controller
        for session in self._sessions.values():
            if session.episode is not None:
                session.episode.remembered = None

    def serve_one(self, between_stages: Callable[[], None]) -> OutgoingReply | None:
        """Tick for the most urgent observation; None where nothing waits.

        Args:
            between_stages: Called before each stage of the tick: drains the socket, so that arrivals are stamped.
        """
        job = self._deadline_queue.take()
        session = self._sessions.get(job.identity) if job is not None else None
        if job is None or session is None:
            return None
        started_ns = self._clock()
        try:
            episode = session.enter(job.episode, job.seed, self._controller.begin_episode)
            start = self._controller.start(episode, job.budget)
            command = self._tick(job, episode, between_stages)
            admitted = self._admit(session.gate, command, job)
        except Exception:  # whatever a graph or this program did wrong costs one answer, never the server
            if session.gate is not None:
                session.gate.lost("a tick at the server failed")
            return self._fault(job, session.name)
        return self._answer(
            session,
            ServedTick(
                client=session.name,
                manifest=self._controller.manifest,
                bundle_sha256=session.bundle_sha256,
                job=job,
                start=start,
                command=command,
                commanded_ns=episode.commanded_ns,
                admitted=admitted,
                queue_ns=started_ns - job.arrived_ns,
            ),
        )

    def take_back(self, outgoing: OutgoingReply) -> None:
        """Forget the action of an answer that did not leave: its robot is where the one before it led."""
        session, served = self._sessions.get(outgoing.identity), outgoing.served
        if session is not None and session.episode is not None and served is not None:
            session.episode.take_back(served.start)

    def _answer(self, session: Session[Episode], served: ServedTick) -> OutgoingReply:
        job, command, admitted = served.job, served.command, served.admitted
        session.ticks += 1
        self._counters[f"status.{command.status.value}"] += 1
        self._counters["steps"] += command.steps
        facts = ReplyFacts(
            sequence=job.sequence,
            episode=job.episode,
            episode_tick=session.ticks,
            # An action that may be used for no time at all is safe with a client that looks at nothing else.
            valid_for_us=self._valid_for_us if admitted.usable else 0,
            queue_ns=served.queue_ns,
            server_ns=self._clock() - job.arrived_ns,
            action=admitted.action,
            engagement=admitted.state,
            engagement_reason=admitted.reason,
        )
        return OutgoingReply(
            address=job.address,
            identity=job.identity,
            message=act_of(command, facts),
            deadline_ns=job.deadline_ns,
            served=served,
        )

    def _tick(self, job: Job, episode: Episode, between_stages: Callable[[], None]) -> Command:
        deadline_ns = None if job.unhurried else job.deadline_ns - self._handover_ns
        return self._controller.tick(
            episode,
            job.observation,
            deadline_ns,
            job.budget,
            between_stages=between_stages,
            steps_until_ns=None if job.unhurried else self._steps_until_ns(job),
        )

    def _steps_until_ns(self, job: Job) -> int | None:
        """Return until when steps may be taken because others wait; None where nobody does, or too little is known."""
        if not self._deadline_queue:
            return None
        costs = self._controller.costs(job.budget)
        reference_ns, select_ns = costs.reference.estimate_ns, costs.select.estimate_ns
        if reference_ns is None or select_ns is None:
            return None
        return self._deadline_queue.steps_until_ns(job, self._clock(), reference_ns + select_ns + self._handover_ns)

    def _admit(self, gate: Gate | None, command: Command, job: Job) -> Admitted:
        """Return what engagement lets through; everything where there is none."""
        if gate is None:
            return Admitted(action=command.action)
        if not job.unhurried:  # a simulation that waits may take its time between two observations
            gate.heard(job.arrived_ns)
        return gate.admit(command, pose=job.pose, now_ns=self._clock())

    def _fault(self, job: Job, name: str) -> OutgoingReply:
        self._counters["missed"] += 1
        self._counters["error.internal"] += 1
        if self._counters["error.internal"] <= MAX_LOGGED_FAULTS:
            _log.exception("A tick for %r failed; the client was told so and the server goes on.", name)
        # The peer learns that it failed, not how: traces and paths stay here.
        message = ErrorReply(
            version=VERSION,
            sequence=job.sequence,
            kind=ErrorKind.INTERNAL,
            expected="an action",
            found="a fault inside the server",
            advice="look at the server's own output",
        )
        return OutgoingReply(address=job.address, identity=job.identity, message=message)
