"""What a server changes while it runs, in one place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vgf_robot.wire.mailbox import Mailbox
from vgf_robot.wire.session import Sessions
from vgf_robot.wire.settings import ServeSettings

Episode = TypeVar("Episode")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState(Generic[Episode]):
    """The server's memory, all of it bounded.

    Attributes:
        sessions: The clients.
        mailbox: Their newest observations.
        counters: What has happened since the start: `received`, `answered`, `in_time`, `missed`, `steps`,
            `sessions`, `sessions_dropped`, `undeliverable`, `status.*` and `error.*`.
    """

    sessions: Sessions[Episode]
    mailbox: Mailbox = field(default_factory=Mailbox)
    counters: Counter[str] = field(default_factory=Counter[str])

    @staticmethod
    def of(settings: ServeSettings) -> ServerState[Episode]:
        """Return an empty state of the size that the settings allow."""
        return ServerState(sessions=Sessions(max_clients=settings.max_clients, idle_ns=round(settings.idle_s * 1e9)))

    def forget(self, identity: bytes) -> None:
        """Drop a client and what it left waiting, which nobody will answer."""
        self.sessions.drop(identity)
        self.counters["sessions_dropped"] += 1
        if self.mailbox.forget(identity) is not None:
            self.counters["missed"] += 1

    def forget_idle(self, now_ns: int) -> None:
        """Drop the clients that have been silent for too long."""
        for identity in self.sessions.idle(now_ns):
            self.forget(identity)
