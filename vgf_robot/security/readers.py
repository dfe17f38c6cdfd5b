"""Those who read from a publishing socket, and how one of them is made to stop."""

from __future__ import annotations

import os
from typing import final

import zmq

from vgf_robot.security.rights import Rights, Role


@final
class Readers:
    """Of a PUB: they are admitted at the handshake, and what they never say cannot be checked afterwards.

    So where somebody has lost the role, all connections are cut, and whoever still has it comes back by itself. What is
    published in the 0.1 to 0.2 s between is read by nobody.

    Args:
        socket: Of keys, and bound later.
        role: What it takes to read.
        rights: Who has it.
    """

    def __init__(self, socket: zmq.Socket[bytes], role: Role, rights: Rights) -> None:
        self._socket = socket
        self._role = role
        self._losses = rights.losses[role]
        self._closed = ""

    def look(self, rights: Rights) -> None:
        """Cut the connections where that has to be, and take new ones when the old ones are gone."""
        if self._closed:
            self._open()
        elif rights.losses[self._role] != self._losses:
            self._losses = rights.losses[self._role]
            self._closed = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
            # ZeroMQ closes it in its own time, so that it is opened again at the next look.
            self._socket.unbind(self._closed)

    def _open(self) -> None:
        # As at the first bind, only this user may write to an ipc socket.
        previous = os.umask(0o177)
        try:
            self._socket.bind(self._closed)
            self._closed = ""
        except zmq.ZMQError:  # not closed yet; until it is, nobody reads
            return
        finally:
            os.umask(previous)
