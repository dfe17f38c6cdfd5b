"""What a server changes while it runs: the clients, what waits of each, and what has happened."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic

from vgf_robot.wire.admission import require_room
from vgf_robot.wire.deadline_queue import DeadlineQueue
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.session import Episode, Session
from vgf_robot.wire.settings import ServeSettings

# Answers whose cost beside the tick is remembered.
NUM_OVERHEADS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState(Generic[Episode]):
    """The server's memory, all of it bounded.

    Attributes:
        max_clients: Sessions at a time.
        idle_ns: A session silent for longer is dropped.
        evict_ns: Where every place is taken, or all of the time, one silent for longer makes room.
        max_utilisation: Share of the server's time that the clients may need.
        sessions: By identity: the connection's routing id, or with keys the authenticated user.
        faults: Those of keys whose sessions have ended: coming again clears none.
        deadline_queue: The newest observation of each.
        counters: What has happened since the start: `received`, `answered`, `in_time`, `missed`, `steps`,
            `sessions`, `sessions_dropped`, `undeliverable`, `status.*`, `reload.*` and `error.*`.
        overheads_ns: What the last answers cost beside their ticks: from the deadline_queue to the socket.
    """

    max_clients: int
    idle_ns: int
    evict_ns: int
    max_utilisation: float
    sessions: dict[bytes, Session[Episode]] = field(default_factory=dict[bytes, Session[Episode]])
    faults: dict[bytes, str] = field(default_factory=dict[bytes, str])
    deadline_queue: DeadlineQueue = field(default_factory=DeadlineQueue)
    counters: Counter[str] = field(default_factory=Counter[str])
    overheads_ns: deque[int] = field(default_factory=lambda: deque[int](maxlen=NUM_OVERHEADS))

    @staticmethod
    def of(settings: ServeSettings) -> ServerState[Episode]:
        """Return an empty state of the size that the settings allow."""
        return ServerState(
            max_clients=settings.max_clients,
            idle_ns=round(settings.idle_s * 1e9),
            evict_ns=round(settings.evict_silent_s * 1e9),
            max_utilisation=settings.max_utilisation,
        )

    def open_session(self, identity: bytes, session: Session[Episode], cost_ns: float | None) -> None:
        """Begin a session, in place of the client's earlier one.

        Where the bundle has changed in between, the robot has not: its episode goes on, so that the first action of the
        new policy is held to the last one of the old. A fault stays whatever has changed.

        Args:
            identity: Whose it is.
            session: New; it was heard of now.
            cost_ns: Of an answer without a step; None where that is not known.

        Raises:
            RefusedError: Every place is taken, or all of the time, by clients that were heard of a moment ago.
        """
        earlier = self.sessions.get(identity)
        if earlier is None and len(self.sessions) >= self.max_clients:
            self._make_room(session.last_heard_ns)
        # Who is here already is not sent away because a new bundle is slower.
        if earlier is None or session.pace.window_ns < earlier.pace.window_ns:
            self._make_time(identity, session, cost_ns)
        if self.deadline_queue.forget(identity) is not None:
            self.counters["missed"] += 1
        if earlier is not None and earlier.bundle_sha256 != session.bundle_sha256:
            session.inherit(earlier)
        fault = self.faults.pop(identity, "") if earlier is None else earlier.fault
        if session.gate is not None:
            session.gate.fail(fault)
        self.sessions[identity] = session
        self.counters["sessions"] += 1

    def forget(self, identity: bytes) -> None:
        """Drop a client, if there is one, and what it left waiting, which nobody will answer."""
        session = self.sessions.pop(identity, None)
        if session is not None:
            self.counters["sessions_dropped"] += 1
            # Without keys the connection is the identity, and nobody comes again.
            if session.fault and identity != session.address:
                self.faults[identity] = session.fault
        if self.deadline_queue.forget(identity) is not None:
            self.counters["missed"] += 1

    def lose(self, identity: bytes, address: bytes) -> None:
        """Drop a client whose connection has ended, unless it has said hello on another one since."""
        session = self.sessions.get(identity)
        if session is not None and session.address == address:
            self.forget(identity)

    def forget_idle(self, now_ns: int) -> None:
        """Drop the clients that have been silent for too long."""
        for identity in [key for key, each in self.sessions.items() if now_ns - each.last_heard_ns > self.idle_ns]:
            self.forget(identity)

    def _make_room(self, now_ns: int) -> None:
        """Drop the client that has been silent longest, most often one that has reconnected since."""
        identity, session = min(self.sessions.items(), key=lambda item: item[1].last_heard_ns)
        if now_ns - session.last_heard_ns <= self.evict_ns:
            raise RefusedError(
                ErrorKind.TOO_MANY_CLIENTS,
                expected=f"at most {self.max_clients} clients",
                found="one more",
                advice=f"try again when one has left or has been silent for {self.evict_ns / 1e9:g} s",
            )
        self.forget(identity)

    def _make_time(self, identity: bytes, newcomer: Session[Episode], cost_ns: float | None) -> None:
        """Drop clients that have been silent, longest first, until the newcomer's answers fit in."""
        others = sorted((each.last_heard_ns, key) for key, each in self.sessions.items() if key != identity)
        while True:
            paces = [self.sessions[key].pace for _, key in others]
            try:
                return require_room(cost_ns, paces, newcomer.pace, self.max_utilisation)
            except RefusedError:
                heard_ns, silent = others.pop(0)
                if newcomer.last_heard_ns - heard_ns <= self.evict_ns:
                    raise
                self.forget(silent)
