"""The socket and the loop: drain and stamp, check, tick for the most urgent, answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType

import zmq

from vgf_robot.controller import Controller, Episode, KeepWarm
from vgf_robot.engagement import EngagementState
from vgf_robot.realtime import schedule_io_threads
from vgf_robot.security import LOOK_MS, Guard
from vgf_robot.wire.addressed import OutgoingReply
from vgf_robot.wire.bundle_swap import BundleSwap
from vgf_robot.wire.codec import encode
from vgf_robot.wire.dispatcher import Dispatcher
from vgf_robot.wire.endpoint import bind
from vgf_robot.wire.messages import Act, Reply, Welcome
from vgf_robot.wire.receive_queue import ReceiveQueue
from vgf_robot.wire.router import router
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.session import Session
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState
from vgf_robot.wire.worker import Worker

# How often an idle server looks for a stop, for silent clients and for its report.
BEAT_NS = 100_000_000
# How long the last replies may take to leave when the server closes.
LINGER_MS = 500
# How long the connections stay then. A client with ZMQ_IMMEDIATE throws away what it has received and not yet read when
# its connection goes, and so, without this, the last reply of a server that stopped (ZeroMQ 4.3.5).
PARTING_S = 0.1


_log = logging.getLogger(__name__)


class Server:
    """Serves one controller to many clients, one tick at a time.

    Args:
        policy: What to serve, warmed up.
        settings: The server's settings; those of its `realtime` are in force already, see `vgf_robot.realtime.enter`.
        endpoint: Checked by `check_bind`.
        guard: Its key and its clients' rights; None to serve whoever can connect.
        tell: Takes a sentence about a reload; must be quick.
        on_reply: Called with every reply after it has left, and whether it was a fresh action in time; must be quick.
        on_reload: Called where a reload is asked for, from a signal handler, too; must be quick.
        clock: Monotonic nanoseconds, the controller's clock.

    Attributes:
        endpoint: Where it listens, with the real port.
    """

    def __init__(
        self,
        policy: ServedBundle,
        settings: ServeSettings,
        *,
        endpoint: str,
        guard: Guard | None = None,
        tell: Callable[[str], object] = _log.warning,
        on_reply: Callable[[OutgoingReply, bool], object] = lambda outgoing, in_time: None,
        on_reload: Callable[[], object] = lambda: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        period_s = policy.manifest.control_period_s
        self._clock = clock
        self._on_reply = on_reply
        self._on_reload = on_reload
        self._state: ServerState[Episode] = ServerState.of(settings)
        self._guard = guard
        self._dispatcher = Dispatcher(policy=policy, settings=settings, state=self._state, guard=guard)
        self._worker = Worker(
            controller=policy.controller,
            state=self._state,
            handover_ns=1000 * settings.handover_us,
            valid_for_us=round(period_s * settings.valid_for_periods * 1e6),
            clock=clock,
        )
        self._bundle_swap = BundleSwap(policy, settings, counters=self._state.counters, tell=tell, clock=clock)
        self._keep_warm = KeepWarm(settings.realtime.keep_warm_s, clock)
        self._stopping = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        schedule_io_threads(self._context, settings.realtime)
        # Who knocks while the loop waits for messages is let in when it wakes.
        wait_ms = BEAT_NS // 1_000_000 if guard is None else LOOK_MS
        self._socket = router(self._context, settings.max_message_bytes, wait_ms=wait_ms, ipv6="[" in endpoint)
        self._zap = None if guard is None else guard.zap(self._context)
        if self._zap is not None:
            self._zap.lock(self._socket)
        self._receive_queue = ReceiveQueue(self._socket, zap=self._zap, counters=self._state.counters, clock=clock)
        try:
            self.endpoint = bind(self._socket, endpoint)
        except BaseException:
            self.close()
            raise

    @property
    def counters(self) -> dict[str, int]:
        """What has happened since the start."""
        return self._dispatcher.counters()

    @property
    def facts(self) -> Welcome:
        """What clients are told of the bundle that is served now."""
        return self._bundle_swap.facts

    @property
    def reloading(self) -> bool:
        """Whether a reload was asked for and has not come to its end."""
        return self._bundle_swap.under_way

    @property
    def controller(self) -> Controller:
        """Of the bundle that is served now."""
        return self._worker.controller

    @property
    def sessions(self) -> Mapping[bytes, Session[Episode]]:
        """The clients there are, by identity."""
        return self._state.sessions

    def run(self, on_beat: Callable[[int], object], between_ticks: Callable[[], object] = lambda: None) -> None:
        """Serve until `stop`; then answer the tick in flight and tell those who wait.

        Args:
            on_beat: Called between ticks about ten times a second with the time in nanoseconds; must be quick.
            between_ticks: Called after every tick, and ten times a second where there is none; must be quicker.
        """
        next_beat_ns = self._clock()
        while not self._stopping:
            # What came during the last tick has been taken off the socket, so waiting on the socket would forget it.
            if self._idle and not self._bundle_swap.restless:
                self._receive_queue.wait()
            self._receive_queue.drain()
            self._receive()
            self._serve_one()
            between_ticks()
            now_ns = self._clock()
            beat = now_ns >= next_beat_ns
            if beat:
                self._state.forget_idle(now_ns)
                self._guard_rights()
                if self._idle and not self._bundle_swap.under_way:
                    self._keep_warm.turn(self.controller, between_stages=self._receive_queue.drain)
                on_beat(now_ns)
                next_beat_ns = now_ns + BEAT_NS
            # While somebody waits, a reload gets the room of one tick per beat: it comes to its end under any load.
            if self._bundle_swap.restless and (beat or self._idle):
                self._adopt(self._bundle_swap.advance(self._receive_queue.drain))
        self._receive_queue.drain()
        self._receive()
        for outgoing in self._dispatcher.close():
            self._reply(outgoing)

    def stop(self) -> None:
        """Ask the loop to end after the tick in flight; safe to call from a signal handler."""
        self._stopping = True

    def reload(self) -> None:
        """Ask for the bundle to be read again from where it was; safe to call from a signal handler.

        It is checked, loaded and tried aside, and takes the place of the old one between two ticks. One that will not
        do changes nothing. `tell` says what became of it, and the counters `reload.*` count it. The clients' rights are
        read again, too.
        """
        self._bundle_swap.request()
        self._on_reload()
        if self._guard is not None:
            self._guard.rights.expire()

    def close(self) -> None:
        """Close the socket, giving the last replies a moment to leave."""
        self._bundle_swap.close()
        time.sleep(PARTING_S)
        if self._zap is not None:
            self._zap.close()
        self._socket.close(linger=LINGER_MS)
        self._context.term()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> None:
        while self._receive_queue.arrivals:
            for outgoing in self._dispatcher.handle(self._receive_queue.arrivals.popleft()):
                self._reply(outgoing)
        self._receive_queue.begin_turn()

    def _guard_rights(self) -> None:
        """Read the clients' rights again where they have changed; whoever has lost them is told so and forgotten."""
        if self._guard is not None and self._guard.beat():
            for outgoing in self._dispatcher.expel():
                self._reply(outgoing)

    @property
    def _idle(self) -> bool:
        """Whether nothing waits that has been taken off the socket."""
        return not self._receive_queue.arrivals and not self._state.deadline_queue

    def _serve_one(self) -> None:
        began_ns = self._clock()
        outgoing = self._worker.serve_one(self._receive_queue.drain)
        if outgoing is None:
            return
        self._keep_warm.ran()
        made = outgoing
        if self._bundle_swap.on_trial and not self._stands_trial(outgoing.message):
            outgoing = self._dispatcher.ask_again(outgoing)
        handed_over = self._send(outgoing)
        if outgoing is not made or not handed_over:
            self._worker.take_back(made)
        message = outgoing.message
        kept = False
        if isinstance(message, Act):
            now_ns = self._clock()
            self._state.overheads_ns.append(now_ns - began_ns - message.timings.tick_ns)
            self._state.counters["answered"] += 1
            late = outgoing.deadline_ns is not None and now_ns > outgoing.deadline_ns
            fresh = message.rung.fresh and message.engagement is not EngagementState.FAULT
            kept = handed_over and fresh and not late
            self._state.counters["in_time" if kept else "missed"] += 1
        self._on_reply(outgoing, kept)

    def _stands_trial(self, reply: Reply) -> bool:
        """Whether an answer of a new bundle may be used; if not, the one before is served again."""
        before = self._bundle_swap.judge(reply)
        self._adopt(before)
        return before is None

    def _adopt(self, policy: ServedBundle | None) -> None:
        """Serve another bundle from now on, if there is one."""
        if policy is None:
            return
        self._worker.adopt(policy.controller)
        for outgoing in self._dispatcher.adopt(policy):
            self._reply(outgoing)

    def _reply(self, outgoing: OutgoingReply) -> None:
        self._send(outgoing)
        self._on_reply(outgoing, False)

    def _send(self, outgoing: OutgoingReply) -> bool:
        try:
            self._socket.send_multipart((outgoing.address, encode(outgoing.message)), zmq.NOBLOCK)
        except zmq.Again:  # the client does not read; its queue is full
            self._state.counters["undeliverable"] += 1
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._state.counters["undeliverable"] += 1
            self._state.lose(outgoing.identity, outgoing.address)
            return False
        return True
