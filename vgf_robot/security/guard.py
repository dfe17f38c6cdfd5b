"""What a server process has for all of its sockets: its key, its clients' rights, and whom it refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import zmq

from vgf_robot.security.keys import ServerKeys
from vgf_robot.security.refusals import Refusals
from vgf_robot.security.rights import Rights, Role
from vgf_robot.security.zap import ZapHandler

BEAT_NS = 100_000_000


@final
class Guard:
    """One per process, whichever contexts its sockets belong to.

    Args:
        keys: The server's own.
        max_connections: Open files more than at the start, from which on nobody else is let in.
        tell: Takes a sentence for whoever runs the server; must be quick.

    Attributes:
        rights: Who may do what, since the last `beat`.
        refusals: Who was refused, and why.

    Raises:
        ConfigError: The list of clients is missing or will not do.
    """

    def __init__(
        self, keys: ServerKeys, *, max_connections: int = 256, tell: Callable[[str], object] = lambda _: None
    ) -> None:
        self.rights = Rights(keys.clients, tell)
        self.refusals = Refusals(tell)
        self._next_beat_ns = 0
        self._handlers: list[ZapHandler] = []
        self._keys = keys
        self._max_connections = max_connections

    def zap(self, context: zmq.Context[zmq.Socket[bytes]]) -> ZapHandler:
        """Return what locks the sockets of a context and answers their handshakes; a context has one."""
        zap = ZapHandler(context, self._keys, self.rights, self.refusals, max_connections=self._max_connections)
        self._handlers.append(zap)
        return zap

    def permits(self, user: str | None, role: Role | None) -> bool:
        """Return whether the sender of a message may do what it asks for; who may not is counted and said.

        Args:
            user: The message's `User-Id`; None where it has none.
            role: What it takes; None for a key that is listed at all.
        """
        if user is not None and self.rights.may(user, role):
            return True
        self.refusals.note("message", self.rights.describe(user or ""))
        return False

    def turn(self, now_ns: int) -> None:
        """Do what `beat` does where it is time; for a loop that turns more often.

        Args:
            now_ns: Monotonic.
        """
        if now_ns >= self._next_beat_ns:
            self._next_beat_ns = now_ns + BEAT_NS
            self.beat()

    def beat(self) -> bool:
        """Read the rights again where they have changed, and see to every handler; for about ten times a second.

        Returns:
            Whether anybody's rights have changed.
        """
        changed = self.rights.refresh()
        self._handlers = [handler for handler in self._handlers if not handler.closed]
        for handler in self._handlers:
            handler.attend()
            handler.look()
        return changed
