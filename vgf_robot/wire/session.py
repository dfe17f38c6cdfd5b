"""What the server remembers of each client between messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vgf_robot.wire.refusal import ErrorKind, RefusedError

Episode = TypeVar("Episode")


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


class Sessions(Generic[Episode]):
    """The sessions by identity: today the connection's routing id, with keys the authenticated user.

    Args:
        max_clients: Sessions at a time.
        idle_ns: A session silent for longer is dropped.
    """

    def __init__(self, *, max_clients: int, idle_ns: int) -> None:
        self._sessions: dict[bytes, Session[Episode]] = {}
        self._max_clients = max_clients
        self._idle_ns = idle_ns

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, identity: bytes, name: str, sequence: int, now_ns: int) -> None:
        """Begin a session, in place of the client's earlier one.

        Raises:
            RefusedError: Every place is taken.
        """
        if identity not in self._sessions and len(self._sessions) >= self._max_clients:
            raise RefusedError(
                ErrorKind.TOO_MANY_CLIENTS,
                expected=f"at most {self._max_clients} clients",
                found="one more",
                advice=f"try again when one has been silent for {self._idle_ns / 1e9:g} s",
            )
        self._sessions[identity] = Session(name=name, last_sequence=sequence, last_heard_ns=now_ns)

    def get(self, identity: bytes) -> Session[Episode] | None:
        """Return the client's session, if it has one."""
        return self._sessions.get(identity)

    def drop(self, identity: bytes) -> None:
        """Forget a client."""
        self._sessions.pop(identity, None)

    def idle(self, now_ns: int) -> list[bytes]:
        """Return who has been silent for too long."""
        return [key for key, session in self._sessions.items() if now_ns - session.last_heard_ns > self._idle_ns]
