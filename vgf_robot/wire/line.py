"""A socket that is connected to one endpoint: what the client's channel and telemetry's subscriber have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import final

import zmq

from vgf_robot.errors import ConfigError
from vgf_robot.security import ClientKeys, HandshakeWatch, Turned, curve_client
from vgf_robot.wire.faults import KeyRefusedError

# How long a client that is turned away waits before it knocks anew.
KNOCK_NS = 2_000_000_000


@final
class Line:
    """Receives payloads, and knows how the handshakes with the other end went.

    Args:
        endpoint: `tcp://HOST:PORT` or `ipc://PATH`.
        kind: Of the socket, such as `zmq.DEALER`.
        options: Of the socket, set before it is connected.
        keys: The client's, and the one server's; None to talk to a server without.
        clock: Monotonic nanoseconds.

    Attributes:
        endpoint: As given.
        socket: Connected.

    Raises:
        ConfigError: ZeroMQ does not understand the endpoint.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        kind: int,
        options: Mapping[int, int | bytes],
        keys: ClientKeys | None,
        clock: Callable[[], int],
    ) -> None:
        self.endpoint = endpoint
        self._has_key = keys is not None
        self._clock = clock
        self._wait_ms = -1  # ZeroMQ's own setting: for ever
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IPV6, 1)
        for option, value in options.items():
            self.socket.setsockopt(option, value)
        curve_client(self.socket, keys)
        self._watch = HandshakeWatch(self._context, self.socket, clock)
        self._knocked_ns = clock()
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(
                f"'{endpoint}' is no endpoint to connect to: {error}; expected tcp://HOST:PORT or ipc://PATH."
            ) from error

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self.socket.closed

    def receive(self, wait_ms: int) -> bytes | None:
        """Return the last frame of the next message, or None where none came in time.

        Args:
            wait_ms: How long to wait, 0 or more.
        """
        if wait_ms != self._wait_ms:
            self.socket.setsockopt(zmq.RCVTIMEO, wait_ms)
            self._wait_ms = wait_ms
        try:
            # Waiting in `recv` itself wakes up sooner than `poll` and then `recv`.
            payload = self.socket.recv()
            while self.socket.getsockopt(zmq.RCVMORE):
                payload = self.socket.recv()
        except zmq.Again:
            return None
        return payload

    def refusal(self, waited_s: float) -> KeyRefusedError | None:
        """Return that this end is turned away, if it is.

        Args:
            waited_s: How long it has tried, for the sentence.
        """
        turned = self.look()
        return None if turned is None else KeyRefusedError(self.endpoint, waited_s, turned, has_key=self._has_key)

    def look(self) -> Turned | None:
        """Return how this end is turned away, if it is, and knock anew; to be called often while nothing comes.

        ZeroMQ gives up for good on a server that has keys where the client has none, and the other way round; the next
        server at the endpoint may have others.
        """
        turned, now_ns = self._watch.turned(), self._clock()
        if turned is not None and now_ns - self._knocked_ns >= KNOCK_NS:
            self._knocked_ns = now_ns
            with suppress(zmq.ZMQError):
                self.socket.disconnect(self.endpoint)
            self.socket.connect(self.endpoint)
        return turned

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket; a second time does nothing.

        Args:
            linger_ms: How long to wait at most for a message that is on its way to a live connection.
        """
        if not self.closed:
            self._watch.close()
            self.socket.close(linger=linger_ms)
        self._context.term()
