"""The socket and the loop: drain and stamp, check, tick for the most urgent, answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

import zmq

from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller, Episode
from vgf_robot.realtime import schedule_io_threads
from vgf_robot.wire.codec import encode
from vgf_robot.wire.endpoint import bind
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import Act
from vgf_robot.wire.reception import Arrival, Parcel, Reception
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState
from vgf_robot.wire.worker import Worker

# Messages taken off the socket before they are looked at; the rest waits in ZeroMQ's own bounded queues.
MAX_ARRIVALS = 64
# Messages that ZeroMQ keeps per connection and direction.
HIGH_WATER_MARK = 64
# How often an idle server looks for a stop, for silent clients and for its report.
BEAT_NS = 100_000_000
# How long the last replies may take to leave when the server closes.
LINGER_MS = 500
HEARTBEAT_MS = 1000
# A plain number: Python's flags take microseconds for an `&`.
_READABLE = int(zmq.POLLIN)
HEARTBEAT_TIMEOUT_MS = 5000


class Server:
    """Serves one controller to many clients, one tick at a time.

    Args:
        controller: Warmed up.
        bundle: The one that the controller runs.
        settings: The server's settings; those of its `realtime` are in force already, see `vgf_robot.realtime.enter`.
        endpoint: Checked by `check_bind`.
        clock: Monotonic nanoseconds, the controller's clock.

    Attributes:
        endpoint: Where it listens, with the real port.
    """

    def __init__(
        self,
        controller: Controller,
        bundle: Bundle,
        settings: ServeSettings,
        *,
        endpoint: str,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        manifest = bundle.manifest
        self._clock = clock
        self._state: ServerState[Episode] = ServerState.of(settings)
        self._reception = Reception(
            manifest=manifest,
            facts=welcome(manifest, bundle.sha256, settings),
            settings=settings,
            state=self._state,
        )
        self._worker = Worker(
            controller=controller,
            state=self._state,
            handover_ns=1000 * settings.handover_us,
            valid_for_us=round(manifest.control_period_s * settings.valid_for_periods * 1e6),
            clock=clock,
        )
        self._arrivals: deque[Arrival] = deque()
        self._stopping = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        schedule_io_threads(self._context, settings.realtime)
        self._socket = _router(self._context, settings.max_message_bytes, ipv6="[" in endpoint)
        try:
            self.endpoint = bind(self._socket, endpoint)
        except BaseException:
            self.close()
            raise

    @property
    def counters(self) -> dict[str, int]:
        """What has happened since the start."""
        return dict(self._state.counters)

    def run(self, on_beat: Callable[[int], None]) -> None:
        """Serve until `stop`; then answer the tick in flight and tell those who wait.

        Args:
            on_beat: Called between ticks about ten times a second with the time in nanoseconds; must be quick.
        """
        next_beat_ns = self._clock()
        while not self._stopping:
            # What came during the last tick has been taken off the socket, so waiting on the socket would forget it.
            if not self._arrivals and not self._state.mailbox:
                self._take(0)
            self._drain()
            self._receive()
            self._serve_one()
            now_ns = self._clock()
            if now_ns >= next_beat_ns:
                self._state.forget_idle(now_ns)
                on_beat(now_ns)
                next_beat_ns = now_ns + BEAT_NS
        self._drain()
        self._receive()
        for parcel in self._reception.close():
            self._send(parcel)

    def stop(self) -> None:
        """Ask the loop to end after the tick in flight; safe to call from a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """Close the socket, giving the last replies a moment to leave."""
        self._socket.close(linger=LINGER_MS)
        self._context.term()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drain(self) -> None:
        """Take what has arrived off the socket and stamp it; cheap, as it runs between the stages of a tick."""
        # Asking what there is costs a third of trying to receive in vain.
        while len(self._arrivals) < MAX_ARRIVALS and int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
            self._take(zmq.NOBLOCK)

    def _take(self, flags: int) -> None:
        """Take one message off the socket and stamp it; without a flag, wait for it until the next beat."""
        try:
            address = self._socket.recv(flags)
        except zmq.Again:
            return
        arrived_ns = self._clock()
        first: tuple[bytes, ...] = ()
        num_frames = 0
        # One frame is kept of however many there are.
        while self._socket.getsockopt(zmq.RCVMORE):
            frame = self._socket.recv(zmq.NOBLOCK)
            first = first or (frame,)
            num_frames += 1
        # State hangs on `identity`: the routing id until there are keys, then the authenticated user.
        self._arrivals.append(
            Arrival(address=address, identity=address, frames=first, num_frames=num_frames, arrived_ns=arrived_ns)
        )

    def _receive(self) -> None:
        while self._arrivals:
            for parcel in self._reception.handle(self._arrivals.popleft()):
                self._send(parcel)

    def _serve_one(self) -> None:
        parcel = self._worker.serve_one(self._drain)
        if parcel is None:
            return
        handed_over = self._send(parcel)
        if isinstance(parcel.message, Act):
            self._state.counters["answered"] += 1
            late = parcel.deadline_ns is not None and self._clock() > parcel.deadline_ns
            kept = handed_over and parcel.message.rung.fresh and not late
            self._state.counters["in_time" if kept else "missed"] += 1

    def _send(self, parcel: Parcel) -> bool:
        try:
            self._socket.send_multipart((parcel.address, encode(parcel.message)), zmq.NOBLOCK)
        except zmq.Again:  # the client does not read; its queue is full
            self._state.counters["undeliverable"] += 1
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._state.counters["undeliverable"] += 1
            self._state.forget(parcel.identity)
            return False
        return True


def _router(context: zmq.Context[zmq.Socket[bytes]], max_message_bytes: int, *, ipv6: bool) -> zmq.Socket[bytes]:
    router = context.socket(zmq.ROUTER)
    # Without it a reply to a client that has gone vanishes without a word.
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    # How long the idle loop waits; waiting in `recv` itself wakes up sooner than `poll` and then `recv`.
    router.setsockopt(zmq.RCVTIMEO, BEAT_NS // 1_000_000)
    router.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    router.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    # Above the application's cap, so that a message a little too large still gets its error reply; far above, the
    # connection is cut before the bytes are taken.
    router.setsockopt(zmq.MAXMSGSIZE, 4 * max_message_bytes)
    router.setsockopt(zmq.IPV6, int(ipv6))
    router.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    router.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    return router
