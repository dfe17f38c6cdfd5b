"""A robot over ZeroMQ: observations come in on a SUB, commands go out on a PUB; both keep the newest message alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import final

import zmq

from vgf_robot.bundle import Manifest
from vgf_robot.drive.actuator import DriveCommand
from vgf_robot.drive.messages import decode_observation, encode_command
from vgf_robot.drive.newest import Newest
from vgf_robot.drive.sensor import Sensed
from vgf_robot.drive.settings import DriveSettings
from vgf_robot.realtime import schedule_io_threads
from vgf_robot.security import Guard, Role, user_of
from vgf_robot.wire.endpoint import bind
from vgf_robot.wire.faults import RefusedError, forbidden

# Each connection has one newest message; looking at more would let peers keep the loop busy.
MAX_MESSAGES = 8
MAX_MESSAGE_BYTES = 1_000_000
# How long the last command may take to leave when the loop ends.
LINGER_MS = 500
# Where nobody has looked for longer, what is found may have lain there since: ZeroMQ does not say when it came.
PAUSE_PERIODS = 1.5


@final
class SocketPorts:
    """The robot at the other end of two sockets, which are bound here; sensor and actuator in one.

    Args:
        manifest: The bundle's.
        settings: The loop's; those of its `realtime` are in force already, see `vgf_robot.realtime.enter`.
        observations: Checked by `check_bind`.
        commands: Likewise.
        guard: The loop's key, and who may send and listen (both take the role `act`); whoever has the loop calls its
            `turn`. None for whoever can connect.
        follows: Whether a robot follows what is decided; while it does, another sender is not listened to.
        clock: Monotonic nanoseconds, the loop's clock.

    Attributes:
        observations: Where observations are taken in, with the real port.
        commands: Where commands are given out, likewise.
    """

    def __init__(
        self,
        manifest: Manifest,
        settings: DriveSettings,
        *,
        observations: str,
        commands: str,
        guard: Guard | None = None,
        follows: Callable[[], bool] = lambda: False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._counters: Counter[str] = Counter()
        self._guard = guard
        self._clock = clock
        self._newest = Newest(manifest, follows=follows, counters=self._counters)
        self._pause_ns = round(PAUSE_PERIODS * manifest.control_period_s * 1e9)
        self._looked_ns: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        schedule_io_threads(self._context, settings.realtime)
        self._zap = None if guard is None else guard.zap(self._context)
        try:
            self._sub = _socket(self._context, zmq.SUB, observations)
            self._sub.setsockopt(zmq.SUBSCRIBE, b"")
            self._pub = _socket(self._context, zmq.PUB, commands)
            if self._zap is not None:
                self._zap.lock(self._sub, at_handshake=Role.ACT)
                self._zap.lock(self._pub, at_handshake=Role.ACT)
            self.observations, self.commands = bind(self._sub, observations), bind(self._pub, commands)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    @property
    def counters(self) -> Mapping[str, int]:
        """Messages so far.

        `observations`, `repeated`, `restarts`, `other_senders`, `error.*` by kind; and `refused.*` by reason.
        """
        return self._counters if self._guard is None else {**self._counters, **self._guard.refusals.counters}

    def newest(self) -> Sensed | None:
        """Return the newest observation that could be read; what could not is counted."""
        if self._zap is not None:
            self._zap.attend()
        lay_ns = self._look()
        for _ in range(MAX_MESSAGES):
            try:
                payload, read_ns = self._receive(), self._clock()
                self._newest.take(decode_observation(payload), read_ns=read_ns, lay_ns=lay_ns)
            except zmq.Again:
                break
            except RefusedError as error:
                self._counters[f"error.{error.kind.value}"] += 1
        return self._newest.sensed

    def send(self, command: DriveCommand) -> None:
        """Publish a command to whoever listens; a listener that does not read gets the newest when it does."""
        self._pub.send(encode_command(command, held_ns=self._clock() - self._newest.read_ns), zmq.NOBLOCK)

    def close(self) -> None:
        """Close the sockets, giving the last command a moment to leave."""
        if self._zap is not None:
            self._zap.close()
        self._sub.close(linger=0)
        self._pub.close(linger=LINGER_MS)
        self._context.term()

    def __enter__(self) -> SocketPorts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self) -> int:
        """Note a look at the socket; return how long what is found now may have lain there, 0 for no time at all."""
        before_ns, self._looked_ns = self._looked_ns, self._clock()
        since_ns = 0 if before_ns is None else self._looked_ns - before_ns
        return since_ns if since_ns > self._pause_ns else 0

    def _receive(self) -> bytes:
        """Return the next message.

        Raises:
            zmq.Again: There is none.
            RefusedError: Its sender's key may not act, or not any more.
        """
        if self._guard is None:
            return self._sub.recv(zmq.NOBLOCK)
        frame = self._sub.recv(zmq.NOBLOCK, copy=False)
        if not self._guard.permits(user_of(frame), Role.ACT):
            raise forbidden(Role.ACT)
        return frame.bytes


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, endpoint: str) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.setsockopt(zmq.CONFLATE, 1)  # before the bind, or it does nothing
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    return socket
