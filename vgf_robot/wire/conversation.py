"""The client's side of a session: one question at a time, handshakes as often as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from vgf_robot.errors import ProtocolError
from vgf_robot.wire.channel import Channel
from vgf_robot.wire.codec import decode_reply, encode
from vgf_robot.wire.faults import BundleChangedError, ErrorKind, RefusedError, ServerFaultError
from vgf_robot.wire.greeting import Greeting
from vgf_robot.wire.messages import (
    VERSION,
    Act,
    Bye,
    EngagementReply,
    ErrorReply,
    Pong,
    Reply,
    Welcome,
)
from vgf_robot.wire.question import Question

# A greeting without an answer is repeated after this long; sooner, a slow server's answers would all come too late.
GREETING_PATIENCE_NS = 1_000_000_000


Answering = Act | EngagementReply | Pong


class _Session(Enum):
    CLOSED = auto()
    GREETING = auto()
    OPEN = auto()


class Conversation:
    """Keeps a session with whatever server is at the other end, and the question alive across servers.

    Args:
        endpoint: Where the server is, for messages.
        channel: The way to it.
        greeting: What the client says of itself.
        clock: Monotonic nanoseconds.

    Attributes:
        welcome: What the server said of its bundle; None before the first handshake.
        late: Replies that nobody waited for any more.
    """

    def __init__(self, endpoint: str, channel: Channel, *, greeting: Greeting, clock: Callable[[], int]) -> None:
        self.welcome: Welcome | None = None
        self.late = 0
        self._endpoint = endpoint
        self._channel = channel
        self._greeting = greeting
        self._clock = clock
        self._sequence = 0
        self._hello_sequence = 0
        self._greeted_ns = 0
        self._session = _Session.CLOSED
        self._question: Question | None = None

    @property
    def open(self) -> bool:
        """Whether the handshake is done and nothing has happened to it since."""
        return self._session is _Session.OPEN

    @property
    def asking(self) -> bool:
        """Whether a question is open."""
        return self._question is not None

    def forget_server(self) -> None:
        """Shake hands anew, with any bundle that meets the expectations."""
        self.welcome = None
        self._session = _Session.CLOSED
        self._question = None

    def drop(self) -> None:
        """Wait for an answer no longer; one that still comes is counted and dropped."""
        self._question = None

    def leave(self) -> None:
        """Tell a server that knows this client not to keep its place."""
        if self._session is not _Session.CLOSED and self._channel.connected:
            self._channel.send(encode(Bye(version=VERSION, sequence=self._next_sequence())))
        self._session, self._question = _Session.CLOSED, None

    def ask(self, question: Question) -> None:
        """Put a question in place of the one before, and send what can be sent at once."""
        self._question = question
        self._advance()

    def listen(self, until_ns: int) -> tuple[Answering, Question] | None:
        """Wait for the answer to the question, shaking hands and sending again as needed.

        Returns:
            The answer and its question; None where time is up, or where there is no question and the session is open.

        Raises:
            RefusedError: The server refused the handshake or the question.
            ProtocolError: What the server says cannot be read.
            ServerFaultError: The server could not answer.
            BundleChangedError: The server at the endpoint has another bundle now.
        """
        while self._question is not None or not self.open:
            if self._question is None or self._question.sequence is None:
                self._advance()
            payload = self._channel.receive(until_ns)
            if payload is None and not self._channel.connected:
                # What came just before the connection went is there still, and may be the answer.
                payload = self._channel.receive(self._clock())
            if payload is None:
                if self._clock() >= until_ns:
                    return None
                self._advance()
                continue
            answered = self._sort(payload)
            if answered is not None:
                return answered
        return None

    def _advance(self) -> None:
        """Send whatever the state of the connection and the session allows."""
        question = self._question
        if not self._channel.connected:
            # Whatever was on its way is lost with the connection, and so is the server's memory of this client.
            self._session = _Session.CLOSED
            if question is not None:
                question.sequence = None
            return
        if self._session is _Session.GREETING and self._clock() - self._greeted_ns > GREETING_PATIENCE_NS:
            self._session = _Session.CLOSED
        if self._session is _Session.CLOSED and (question is None or question.needs_session):
            self._hello_sequence = self._next_sequence()
            if self._channel.send(encode(self._greeting.hello(self._hello_sequence))):
                self._session, self._greeted_ns = _Session.GREETING, self._clock()
        if question is not None and question.sequence is None and (self.open or not question.needs_session):
            sequence, now_ns = self._next_sequence(), self._clock()
            if self._channel.send(encode(question.write(sequence, now_ns))):
                question.sequence, question.sent_ns = sequence, now_ns

    def _sort(self, payload: bytes) -> tuple[Answering, Question] | None:
        reply, question = self._read(payload), self._question
        if isinstance(reply, Welcome):
            self._greeted(reply)
        elif isinstance(reply, ErrorReply):
            self._refused(reply)
        elif question is not None and reply.sequence == question.sequence:
            self._question = None
            return reply, question
        else:
            self.late += 1
        return None

    def _read(self, payload: bytes) -> Reply:
        try:
            return decode_reply(payload)
        except RefusedError as refusal:
            raise ProtocolError(f"What the server at {self._endpoint} says cannot be read: {refusal}") from refusal

    def _greeted(self, welcome: Welcome) -> None:
        if self._session is not _Session.GREETING or welcome.sequence != self._hello_sequence:
            self.late += 1
            return
        known = self.welcome
        if known is not None and not self._greeting.goes_on(known, welcome):
            self._session, self._question = _Session.CLOSED, None
            raise BundleChangedError(self._endpoint, known.bundle_sha256, welcome.bundle_sha256)
        self.welcome = welcome
        self._session = _Session.OPEN

    def _refused(self, reply: ErrorReply) -> None:
        question = self._question
        asked = question.sequence if question is not None else None
        greeting = self._session is _Session.GREETING and reply.sequence == self._hello_sequence
        # What is too fast is about earlier messages, which the server threw away unread: the question is still open.
        unread = reply.kind is ErrorKind.TOO_FAST and reply.sequence is None
        if unread or (not greeting and reply.sequence is not None and reply.sequence != asked):
            self.late += 1
            return
        if question is not None and reply.kind is ErrorKind.HANDSHAKE_REQUIRED and question.needs_session:
            # A server that does not know this client: it was restarted, or the client was silent for long.
            self._session, question.sequence = _Session.CLOSED, None
            return
        self._question = None
        self._session = _Session.CLOSED if greeting else self._session
        refusal = RefusedError(
            reply.kind, expected=reply.expected, found=reply.found, advice=reply.advice, sequence=reply.sequence
        )
        if reply.kind.servers_fault:
            raise ServerFaultError(self._endpoint, refusal)
        raise refusal

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence
