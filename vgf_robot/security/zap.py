"""Who may connect: ZeroMQ's handshakes, answered by the thread that owns the sockets."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

import zmq
from zmq.utils import z85

from vgf_robot.security.curve import ANY_ROLE, curve_server
from vgf_robot.security.keys import ServerKeys
from vgf_robot.security.readers import Readers
from vgf_robot.security.refusals import Refusals
from vgf_robot.security.rights import Rights, Role

# Where ZeroMQ asks, in every context (RFC 27).
ENDPOINT = "inproc://zeromq.zap.01"
# Handshakes answered at a time, and failed ones counted at a time: whoever knocks must not cost anybody a deadline.
MAX_ANSWERS = 8
MAX_FAILURES = 128
# How often whoever waits for something else should look here: as long may a handshake take.
LOOK_MS = 10

_FAILURES = int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
# Plain numbers: Python's flags take microseconds for an `&`.
_READABLE = int(zmq.POLLIN)
_KEY_BYTES = 32
# 200 admits. After 300 a client is cut off in time and tries again, so that a key that is listed later is let in; after
# 400 ZeroMQ's clients give up for good.
_ADMIT, _REFUSE = b"200", b"300"

_numbers = itertools.count()


@final
class ZapHandler:
    """Answers the handshakes of a context's sockets, without a thread of its own.

    Reasons for a no are `unknown_key`, `role` and `full`; `handshake` are those that ended before anybody was asked: no
    key, the key of another server, or no ZeroMQ at all.

    Args:
        context: Of the sockets that will be locked.
        keys: The server's own.
        rights: Who is listed.
        refusals: Takes note of those who are not let in.
        max_connections: At this many open files more than now, nobody is let in. The second half is kept for keys that
            may act, and while it is in use each of them gets an eighth of all at most: nobody says whose connection has
            ended, and one key's idle ones must not lock the others out.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: ServerKeys,
        rights: Rights,
        refusals: Refusals,
        *,
        max_connections: int,
    ) -> None:
        self._context = context
        self._keys = keys
        self._rights = rights
        self._refusals = refusals
        self._watched: dict[zmq.Socket[bytes], zmq.Socket[bytes] | None] = {}
        self._readers: list[Readers] = []
        self._zap = context.socket(zmq.REP)
        self._zap.setsockopt(zmq.LINGER, 0)
        self._zap.bind(ENDPOINT)
        self._most = max_connections
        self._most_files = _num_files() + max_connections
        self._crowding: Counter[str] = Counter()

    def lock(self, socket: zmq.Socket[bytes], *, at_handshake: Role | None = None) -> None:
        """Have a socket talk to listed keys alone.

        Args:
            socket: Of the context, before its bind.
            at_handshake: As for `curve_server`.
        """
        curve_server(socket, self._keys, at_handshake=at_handshake)
        self._watched[socket] = self._listen(socket)
        # Nobody hears what a publisher is told: there is no message to check, once the handshake is over.
        if at_handshake is not None and socket.getsockopt(zmq.TYPE) == zmq.PUB:
            self._readers.append(Readers(socket, at_handshake, self._rights))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._zap.closed

    def attend(self) -> None:
        """Answer those who knock; where nobody does it takes a microsecond, so that it may stand inside a tick."""
        for _ in range(MAX_ANSWERS):
            if not int(self._zap.getsockopt(zmq.EVENTS)) & _READABLE:
                return
            self._answer(self._zap.recv_multipart(zmq.NOBLOCK))

    def look(self) -> None:
        """Count the handshakes that failed by themselves; for a few times a second.

        Where somebody has lost the role of a publishing socket, all of its connections are cut, and those who still
        have it come back by themselves.
        """
        for socket, monitor in self._watched.items():
            if monitor is not None:
                self._count(socket, monitor)
            else:
                # With every file taken there is none for it; whoever took them is cut off in a moment.
                with suppress(zmq.ZMQError):
                    self._watched[socket] = self._listen(socket)
        for readers in self._readers:
            readers.look(self._rights)

    def close(self) -> None:
        """Close what is open here; to be called before the sockets are closed and the context is ended."""
        for socket, monitor in self._watched.items():
            if monitor is not None:
                socket.disable_monitor()
                monitor.close(linger=0)
        self._watched.clear()
        self._zap.close(linger=0)

    def _answer(self, frames: Sequence[bytes]) -> None:
        version, request, domain, address, _, mechanism, *credentials = frames
        reason, user = self._judge(domain.decode(), mechanism, credentials)
        if reason:
            self._refusals.note(reason, f"{self._rights.describe(user)} from {address.decode('ascii', 'replace')}")
        self._zap.send_multipart((version, request, _REFUSE if reason else _ADMIT, b"", user.encode(), b""))

    def _judge(self, domain: str, mechanism: bytes, credentials: Sequence[bytes]) -> tuple[str, str]:
        """Return why a peer is not let in, or nothing, and its key."""
        if mechanism != b"CURVE" or len(credentials) != 1 or len(credentials[0]) != _KEY_BYTES:
            return "handshake", ""
        user = z85.encode(credentials[0]).decode()
        if not self._rights.may(user, None):
            return "unknown_key", user
        if domain != ANY_ROLE and not self._rights.may(user, Role(domain)):
            return "role", user
        return ("" if self._has_room(user) else "full"), user

    def _has_room(self, user: str) -> bool:
        left = self._most_files - _num_files()
        if left > self._most / 2:
            self._crowding.clear()
            return True
        room = left >= 0 and self._rights.may(user, Role.ACT) and self._crowding[user] < self._most / 8
        self._crowding[user] += room
        return room

    def _listen(self, socket: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
        address = f"inproc://vgf-robot.zap.{next(_numbers)}"
        # First: without a reader, ZeroMQ's own thread would wait for one, and every peer with it. With a bounded queue
        # it would do so where that is full.
        monitor = self._context.socket(zmq.PAIR)
        monitor.setsockopt(zmq.RCVHWM, 0)
        try:
            socket.monitor(address, _FAILURES)
            monitor.connect(address)
        except zmq.ZMQError:
            monitor.close(linger=0)
            raise
        return monitor

    def _count(self, socket: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        count = 0
        while count < MAX_FAILURES and int(monitor.getsockopt(zmq.EVENTS)) & _READABLE:
            monitor.recv_multipart(zmq.NOBLOCK)
            count += 1
        if count:
            self._refusals.note("handshake", "no key, the key of another server, or no ZeroMQ", count)
        if count == MAX_FAILURES:  # a flood: what else has piled up is let go unread, so that it takes no memory
            socket.disable_monitor()
            monitor.close(linger=0)
            self._watched[socket] = None


def _num_files() -> float:
    """Return how many files and connections this process has open; infinity where not one more can be opened."""
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return math.inf
