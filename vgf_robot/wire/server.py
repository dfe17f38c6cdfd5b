"""The socket and the loop: drain and stamp, check, tick for the most urgent, answer."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

import zmq

from vgf_robot.controller import Episode
from vgf_robot.engagement import EngagementState
from vgf_robot.realtime import schedule_io_threads
from vgf_robot.wire.codec import encode
from vgf_robot.wire.endpoint import bind
from vgf_robot.wire.messages import Act, Reply, Welcome
from vgf_robot.wire.policy import Policy
from vgf_robot.wire.reception import Arrival, Parcel, Reception
from vgf_robot.wire.router import router
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState
from vgf_robot.wire.succession import Succession
from vgf_robot.wire.worker import Worker

# Messages taken off the socket before they are looked at; the rest waits in ZeroMQ's own bounded queues.
MAX_ARRIVALS = 64
# How often an idle server looks for a stop, for silent clients and for its report.
BEAT_NS = 100_000_000
# How long the last replies may take to leave when the server closes.
LINGER_MS = 500
# How long the connections stay then. A client with ZMQ_IMMEDIATE throws away what it has received and not yet read when
# its connection goes; without this about one in ten lost the last reply of a server that stopped (ZeroMQ 4.3.5).
PARTING_S = 0.1
# A plain number: Python's flags take microseconds for an `&`.
_READABLE = int(zmq.POLLIN)


_log = logging.getLogger(__name__)


class Server:
    """Serves one controller to many clients, one tick at a time.

    Args:
        policy: What to serve, warmed up.
        settings: The server's settings; those of its `realtime` are in force already, see `vgf_robot.realtime.enter`.
        endpoint: Checked by `check_bind`.
        tell: Takes a sentence about a reload; must be quick.
        clock: Monotonic nanoseconds, the controller's clock.

    Attributes:
        endpoint: Where it listens, with the real port.
    """

    def __init__(
        self,
        policy: Policy,
        settings: ServeSettings,
        *,
        endpoint: str,
        tell: Callable[[str], object] = _log.warning,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        period_s = policy.manifest.control_period_s
        self._clock = clock
        self._state: ServerState[Episode] = ServerState.of(settings)
        self._reception = Reception(policy=policy, settings=settings, state=self._state)
        self._worker = Worker(
            controller=policy.controller,
            state=self._state,
            handover_ns=1000 * settings.handover_us,
            valid_for_us=round(period_s * settings.valid_for_periods * 1e6),
            clock=clock,
        )
        self._succession = Succession(policy, settings, counters=self._state.counters, tell=tell, clock=clock)
        self._arrivals: deque[Arrival] = deque()
        self._stopping = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        schedule_io_threads(self._context, settings.realtime)
        self._socket = router(
            self._context, settings.max_message_bytes, wait_ms=BEAT_NS // 1_000_000, ipv6="[" in endpoint
        )
        try:
            self.endpoint = bind(self._socket, endpoint)
        except BaseException:
            self.close()
            raise

    @property
    def counters(self) -> dict[str, int]:
        """What has happened since the start."""
        return dict(self._state.counters)

    @property
    def facts(self) -> Welcome:
        """What clients are told of the bundle that is served now."""
        return self._succession.facts

    def run(self, on_beat: Callable[[int], None]) -> None:
        """Serve until `stop`; then answer the tick in flight and tell those who wait.

        Args:
            on_beat: Called between ticks about ten times a second with the time in nanoseconds; must be quick.
        """
        next_beat_ns = self._clock()
        while not self._stopping:
            # What came during the last tick has been taken off the socket, so waiting on the socket would forget it.
            if self._idle and not self._succession.restless:
                self._take(0)
            self._drain()
            self._receive()
            self._serve_one()
            now_ns = self._clock()
            beat = now_ns >= next_beat_ns
            if beat:
                self._state.forget_idle(now_ns)
                on_beat(now_ns)
                next_beat_ns = now_ns + BEAT_NS
            # While somebody waits, a reload gets the room of one tick per beat: it comes to its end under any load.
            if self._succession.restless and (beat or self._idle):
                self._adopt(self._succession.advance(self._drain))
        self._drain()
        self._receive()
        for parcel in self._reception.close():
            self._send(parcel)

    def stop(self) -> None:
        """Ask the loop to end after the tick in flight; safe to call from a signal handler."""
        self._stopping = True

    def reload(self) -> None:
        """Ask for the bundle to be read again from where it was; safe to call from a signal handler.

        It is checked, loaded and tried aside, and takes the place of the old one between two ticks. One that will not
        do changes nothing. `tell` says what became of it, and the counters `reload.*` count it.
        """
        self._succession.request()

    def close(self) -> None:
        """Close the socket, giving the last replies a moment to leave."""
        self._succession.close()
        time.sleep(PARTING_S)
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

    @property
    def _idle(self) -> bool:
        """Whether nothing waits that has been taken off the socket."""
        return not self._arrivals and not self._state.mailbox

    def _serve_one(self) -> None:
        began_ns = self._clock()
        parcel = self._worker.serve_one(self._drain)
        if parcel is None:
            return
        if self._succession.on_trial and not self._stands_trial(parcel.message):
            parcel = self._reception.ask_again(parcel)
        handed_over = self._send(parcel)
        message = parcel.message
        if isinstance(message, Act):
            now_ns = self._clock()
            self._state.overheads_ns.append(now_ns - began_ns - message.timings.tick_ns)
            self._state.counters["answered"] += 1
            late = parcel.deadline_ns is not None and now_ns > parcel.deadline_ns
            fresh = message.rung.fresh and message.engagement is not EngagementState.FAULT
            kept = handed_over and fresh and not late
            self._state.counters["in_time" if kept else "missed"] += 1

    def _stands_trial(self, reply: Reply) -> bool:
        """Whether the first answer of a new bundle is good; if not, the one before is served again."""
        before = self._succession.judge(reply)
        self._adopt(before)
        return before is None

    def _adopt(self, policy: Policy | None) -> None:
        """Serve another bundle from now on, if there is one."""
        if policy is None:
            return
        self._worker.adopt(policy.controller)
        for parcel in self._reception.adopt(policy):
            self._send(parcel)

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
