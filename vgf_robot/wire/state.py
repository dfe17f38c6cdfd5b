"""What a server changes while it runs: the clients, what waits of each, and what has happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Budget
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.settings import ServeSettings

Episode = TypeVar("Episode")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One observation that passed every check.

    Attributes:
        identity: Whose session it belongs to.
        address: Where the answer goes.
        sequence: The client's number of the request.
        episode: The client's number of the episode.
        seed: Seed of that episode.
        observation: Shape (O,), float32, finite.
        budget: What the client allows.
        arrived_ns: When it came, on the server's monotonic clock.
        deadline_ns: When its answer is due, on the same clock.
    """

    identity: bytes
    address: bytes
    sequence: int
    episode: int
    seed: int
    observation: NDArray[np.float32]
    budget: Budget
    arrived_ns: int
    deadline_ns: int


@dataclass(slots=True)
class Mailbox:
    """Newest observation per client, earliest deadline first; as large as there are sessions, no larger."""

    _jobs: dict[bytes, Job] = field(default_factory=dict[bytes, Job])

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> Job | None:
        """Take a client's newest observation, and return the one it replaces."""
        replaced = self._jobs.pop(job.identity, None)
        self._jobs[job.identity] = job
        return replaced

    def take(self) -> Job | None:
        """Remove and return the observation with the earliest deadline; the first to come where they are equal."""
        if not self._jobs:
            return None
        # Deadlines lie after arrivals, so a job that waits is overtaken only by those that came before it was due:
        # nobody starves.
        urgent = min(self._jobs.values(), key=lambda job: (job.deadline_ns, job.arrived_ns))
        return self._jobs.pop(urgent.identity)

    def forget(self, identity: bytes) -> Job | None:
        """Remove and return what a client left waiting."""
        return self._jobs.pop(identity, None)


@dataclass(slots=True, kw_only=True)
class Session(Generic[Episode]):
    """One client's state.

    Attributes:
        name: What the client calls itself.
        last_sequence: Largest sequence number acted upon.
        last_heard_ns: When its last valid message came.
        episode_id: The client's number of the current episode; None before the first observation.
        episode: What the controller remembers of that episode.
        ticks: Answers in that episode.
    """

    name: str
    last_sequence: int
    last_heard_ns: int
    episode_id: int | None = None
    episode: Episode | None = None
    ticks: int = 0

    def enter(self, episode_id: int, seed: int, begin: Callable[[int], Episode]) -> Episode:
        """Return the state of the episode, begun afresh where the client names another number than before."""
        if self.episode is None or self.episode_id != episode_id:
            self.episode = begin(seed)
            self.episode_id = episode_id
            self.ticks = 0
        return self.episode


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState(Generic[Episode]):
    """The server's memory, all of it bounded.

    Attributes:
        max_clients: Sessions at a time.
        idle_ns: A session silent for longer is dropped.
        evict_ns: Where every place is taken, one silent for longer makes room.
        sessions: By identity: today the connection's routing id, with keys the authenticated user.
        mailbox: The newest observation of each.
        counters: What has happened since the start: `received`, `answered`, `in_time`, `missed`, `steps`,
            `sessions`, `sessions_dropped`, `undeliverable`, `status.*` and `error.*`.
    """

    max_clients: int
    idle_ns: int
    evict_ns: int
    sessions: dict[bytes, Session[Episode]] = field(default_factory=dict[bytes, Session[Episode]])
    mailbox: Mailbox = field(default_factory=Mailbox)
    counters: Counter[str] = field(default_factory=Counter[str])

    @staticmethod
    def of(settings: ServeSettings) -> ServerState[Episode]:
        """Return an empty state of the size that the settings allow."""
        return ServerState(
            max_clients=settings.max_clients,
            idle_ns=round(settings.idle_s * 1e9),
            evict_ns=round(settings.evict_silent_s * 1e9),
        )

    def open_session(self, identity: bytes, name: str, sequence: int, now_ns: int) -> None:
        """Begin a session, in place of the client's earlier one.

        Raises:
            RefusedError: Every place is taken, by clients that were heard of a moment ago.
        """
        if identity not in self.sessions and len(self.sessions) >= self.max_clients:
            self._make_room(now_ns)
        if self.mailbox.forget(identity) is not None:
            self.counters["missed"] += 1
        self.sessions[identity] = Session(name=name, last_sequence=sequence, last_heard_ns=now_ns)
        self.counters["sessions"] += 1

    def forget(self, identity: bytes) -> None:
        """Drop a client, if there is one, and what it left waiting, which nobody will answer."""
        if self.sessions.pop(identity, None) is not None:
            self.counters["sessions_dropped"] += 1
        if self.mailbox.forget(identity) is not None:
            self.counters["missed"] += 1

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
