"""Messages off the server's socket: stamped, with the name of their sender, and of each no more than its share."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import final

import msgspec
import zmq

from vgf_robot.security import ZapHandler, user_of
from vgf_robot.wire.addressed import Arrival

# Messages taken off the socket in one turn of the loop; the rest waits in ZeroMQ's own bounded queues.
MAX_ARRIVALS = 64
# Of them, how many of one sender are looked at: the newest. A client has one question open at a time, or a few where a
# server stood still; a peer that floods costs the others the reading of these, whatever its rate.
MAX_PER_SENDER = 8
# A plain number: Python's flags take microseconds for an `&`.
_READABLE = int(zmq.POLLIN)


@final
class ReceiveQueue:
    """Takes messages off a ROUTER.

    Args:
        socket: Bound, and with the time that `wait` may take set on it.
        zap: Answers its handshakes; None where it has no keys.
        counters: `error.too_fast` and `received` of what is thrown away unread are counted here.
        clock: Monotonic nanoseconds.

    Attributes:
        arrivals: What was taken, oldest first.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        *,
        zap: ZapHandler | None,
        counters: Counter[str],
        clock: Callable[[], int],
    ) -> None:
        self.arrivals: deque[Arrival] = deque()
        self._socket = socket
        self._zap = zap
        self._counters = counters
        self._clock = clock
        self._num_taken = 0
        self._by_sender: Counter[bytes] = Counter()

    def wait(self) -> None:
        """Take one message, waiting for it as long as the socket does."""
        self._take(0)

    def drain(self) -> None:
        """Take what has arrived, and answer handshakes; cheap, as it runs between the stages of a tick."""
        if self._zap is not None:
            self._zap.attend()
        # Asking what there is costs a third of trying to receive in vain.
        while self._num_taken < MAX_ARRIVALS and int(self._socket.getsockopt(zmq.EVENTS)) & _READABLE:
            self._take(zmq.NOBLOCK)

    def begin_turn(self) -> None:
        """Give every sender its share anew; to be called when the arrivals have been looked at."""
        self._num_taken = 0
        self._by_sender.clear()

    def _take(self, flags: int) -> None:
        try:
            if self._zap is None:
                address, user = self._socket.recv(flags), None
            else:
                # The routing id carries what the connection is known by, as every frame does.
                frame = self._socket.recv(flags, copy=False)
                address, user = frame.bytes, user_of(frame)
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
        # State hangs on `identity`: the routing id, or with keys the authenticated one.
        identity = address if user is None else user.encode()
        self._num_taken += 1
        self._by_sender[identity] += 1
        self.arrivals.append(
            Arrival(
                address=address,
                identity=identity,
                user=user,
                frames=first,
                num_frames=num_frames,
                arrived_ns=arrived_ns,
            )
        )
        excess = self._by_sender[identity] - MAX_PER_SENDER
        if excess > 0:
            self._drop_oldest(identity, tell=excess == 1)

    def _drop_oldest(self, identity: bytes, *, tell: bool) -> None:
        """Leave a sender's oldest message unread; the first one of a turn stays, to be answered with a complaint."""
        arrivals = self.arrivals
        oldest = next(n for n, each in enumerate(arrivals) if each.identity == identity and not each.excess)
        if tell:
            arrivals[oldest] = msgspec.structs.replace(arrivals[oldest], excess=True)
        else:
            del arrivals[oldest]
            self._counters["received"] += 1
            self._counters["error.too_fast"] += 1
