"""One DEALER socket that knows whether anybody is at the other end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import zmq

from vgf_robot.errors import ConfigError
from vgf_robot.security import ClientKeys, HandshakeWatch, Turned, curve_client

# Messages that ZeroMQ keeps per direction; one request is outstanding at a time.
HIGH_WATER_MARK = 16
RECONNECT_MS = 20
HEARTBEAT_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000
# How long a handshake is waited for before it is tried anew, and watched.
PATIENCE_MS = 250
# How often a waiting client looks whether the server is still there.
LOOK_NS = 20_000_000
# How long closing waits at most for a message that is on its way to a live connection.
LINGER_MS = 100
# Plain numbers: Python's flags take microseconds for an `&`.
_READY_TO_SEND = int(zmq.POLLOUT)


class Channel:
    """Sends and receives payloads; never blocks longer than it is told.

    Args:
        endpoint: `tcp://HOST:PORT` or `ipc://PATH`.
        clock: Monotonic nanoseconds.
        keys: The client's, and the one server's; None to talk to a server without.

    Attributes:
        turned: How the last handshake failed while `wait_connected` waited; None where none did.
    """

    def __init__(self, endpoint: str, clock: Callable[[], int], keys: ClientKeys | None = None) -> None:
        self.turned: Turned | None = None
        self._endpoint = endpoint
        self._clock = clock
        self._wait_ms = -1  # ZeroMQ's own setting: for ever
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        # Queue for completed connections only: what was meant for a dead server is not delivered to its successor,
        # and "writable" means "connected".
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, 1)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        self._socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
        curve_client(self._socket, keys)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(
                f"'{endpoint}' is no endpoint to connect to: {error}; expected tcp://HOST:PORT or ipc://PATH."
            ) from error

    @property
    def connected(self) -> bool:
        """Whether a message sent now goes to a live connection."""
        return bool(int(self._socket.getsockopt(zmq.EVENTS)) & _READY_TO_SEND)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._socket.closed

    def send(self, payload: bytes) -> bool:
        """Send at once, or return False where nobody is connected."""
        try:
            self._socket.send(payload, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self, until_ns: int) -> bytes | None:
        """Return the next payload, or None after a short while so that the caller can look at the connection.

        Args:
            until_ns: Never wait beyond this time.
        """
        left_ns = max(0, min(LOOK_NS, until_ns - self._clock()))
        # Rounded up: a wait of 0 ms in the last millisecond would spin.
        wait_ms = -(-left_ns // 1_000_000)
        if wait_ms != self._wait_ms:
            self._socket.setsockopt(zmq.RCVTIMEO, wait_ms)
            self._wait_ms = wait_ms
        try:
            # Waiting in `recv` itself wakes up sooner than `poll` and then `recv`.
            payload = self._socket.recv()
            while self._socket.getsockopt(zmq.RCVMORE):
                payload = self._socket.recv()
        except zmq.Again:
            return None
        return payload

    def wait_connected(self, until_ns: int) -> bool:
        """Wait for a connection, and return whether there is one."""
        left_ms = -(-max(0, until_ns - self._clock()) // 1_000_000)
        if self._socket.poll(min(left_ms, PATIENCE_MS), zmq.POLLOUT):
            return True
        with HandshakeWatch(self._context, self._socket) as watch:
            # ZeroMQ gives up for good on a server that has keys where the client has none, and the other way round.
            with suppress(zmq.ZMQError):
                self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)
            connected = bool(self._socket.poll(max(0, left_ms - PATIENCE_MS), zmq.POLLOUT))
            self.turned = None if connected else watch.turned()
        return connected

    def close(self) -> None:
        """Close the socket, giving a last message the moment it needs to leave; a second time does nothing."""
        if not self._socket.closed:
            self._socket.close(linger=LINGER_MS)
        self._context.term()
