"""The client's side of a session, against a channel that says what the test tells it."""

from collections import deque

import msgspec
import pytest

from tests.clocks import MS, FakeClock
from vgf_robot.wire.codec import decode_request, encode
from vgf_robot.wire.conversation import Conversation
from vgf_robot.wire.faults import BundleChangedError, ErrorKind, RefusedError
from vgf_robot.wire.greeting import Greeting
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import Engage, EngagementReply, ErrorReply, Expectations, Hello, Ping, Pong
from vgf_robot.wire.question import engagement_question, ping_question
from vgf_robot.wire.settings import ServeSettings

NOBODY = Greeting(name="robot", expect=Expectations(), rate_hz=None, any_bundle=False)


class FakeChannel:
    """Answers each request as told, at once; `events` are what happens while nothing comes."""

    def __init__(self, clock, answer):
        self.clock = clock
        self.answer = answer
        self.connected = True
        self.requests = []
        self.replies = deque()
        self.events = deque()

    def send(self, payload):
        request = decode_request(payload)
        self.requests.append(request)
        self.replies.extend(encode(reply) for reply in self.answer(request))
        return True

    def receive(self, until_ns):
        if self.replies:
            return self.replies.popleft()
        if self.events:
            self.events.popleft()()
        self.clock.advance(20 * MS)
        return None


@pytest.fixture
def talk(manifest):
    """Make a conversation with a server; the list says which bundle it serves, and may be changed."""

    def make(answer=lambda request: [], *, serves, greeting=NOBODY, **settings):
        clock = FakeClock(now_ns=10**12)

        def said(request):
            if isinstance(request, Hello):
                facts = welcome(manifest, serves[0], ServeSettings(**settings))
                facts = msgspec.structs.replace(facts, **serves[1])
                return [msgspec.structs.replace(facts, sequence=request.sequence)]
            return answer(request)

        channel = FakeChannel(clock, said)
        return Conversation("nowhere", channel, greeting=greeting, clock=clock), channel, clock

    return make


def pong(request):
    return [Pong(version=1, sequence=request.sequence, ready=True, counters={})]


def test_an_answer_that_came_just_before_the_connection_went_is_taken(talk):
    conversation, channel, clock = talk(serves=["a", {}])
    conversation.ask(ping_question())

    def answered_and_gone():
        channel.connected = False
        channel.replies.extend(encode(reply) for reply in pong(channel.requests[-1]))

    channel.events.append(answered_and_gone)
    found = conversation.listen(clock() + 1000 * MS)
    assert found is not None
    assert isinstance(found[0], Pong)


def refused(kind, sequence=None):
    return ErrorReply(version=1, sequence=sequence, kind=kind, expected="less", found="more", advice="look here")


def test_a_complaint_about_messages_that_were_not_read_is_no_answer_to_the_question(talk):
    # A server that stood still finds more of this client's questions than it looks at.
    conversation, _, clock = talk(lambda request: [refused(ErrorKind.TOO_FAST), *pong(request)], serves=["a", {}])
    conversation.ask(ping_question())
    found = conversation.listen(clock() + 1000 * MS)
    assert found is not None
    assert isinstance(found[0], Pong)
    assert conversation.late == 1


@pytest.mark.parametrize("kind", [ErrorKind.TOO_LARGE, ErrorKind.WRONG_VERSION])
def test_a_message_that_could_not_be_read_is_the_clients_to_correct(talk, kind):
    conversation, _, clock = talk(lambda request: [refused(kind)], serves=["a", {}])
    conversation.ask(ping_question())
    with pytest.raises(RefusedError, match=f"{kind.value}: expected less, found more"):
        conversation.listen(clock() + 1000 * MS)


def test_engaging_shakes_hands_first_and_brings_the_state(talk):
    def engaged(request):
        return [EngagementReply(version=1, sequence=request.sequence, state="checking", reason="")]

    conversation, channel, clock = talk(engaged, serves=["a", {}])
    conversation.ask(engagement_question("engage"))
    found = conversation.listen(clock() + 1000 * MS)
    assert [type(request) for request in channel.requests] == [Hello, Engage]
    assert found is not None
    assert found[0].state.value == "checking"


def reloading(conversation, channel, clock, serves, **changes):
    """Ask, have the server's bundle replaced, and ask again."""
    asked = engagement_question("disengage")
    conversation.ask(asked)
    assert conversation.listen(clock() + 1000 * MS) is not None
    serves[:] = ["b", changes]
    refused = []

    def once(request):
        if not refused and isinstance(request, Engage):
            refused.append(request)
            return [
                ErrorReply(
                    version=1,
                    sequence=request.sequence,
                    kind=ErrorKind.HANDSHAKE_REQUIRED,
                    expected="a hello",
                    found="a session with the one before",
                    advice="say hello",
                )
            ]
        return before(request)

    before, channel.answer = channel.answer, once
    conversation.ask(engagement_question("disengage"))
    return conversation.listen(clock() + 1000 * MS)


def state(request):
    return [EngagementReply(version=1, sequence=request.sequence, state="disengaged", reason="")]


def test_another_bundle_ends_it_until_connected_anew(talk):
    serves = ["a", {}]
    conversation, channel, clock = talk(state, serves=serves)
    with pytest.raises(BundleChangedError, match="has another bundle now"):
        reloading(conversation, channel, clock, serves)
    assert conversation.welcome.bundle_sha256 == "a"
    conversation.forget_server()
    assert conversation.listen(clock() + 1000 * MS) is None
    assert conversation.welcome.bundle_sha256 == "b"


def test_a_client_of_any_bundle_goes_on_with_one_for_its_robot(talk):
    serves = ["a", {}]
    greeting = Greeting(name="robot", expect=Expectations(), rate_hz=5.0, any_bundle=True)
    conversation, channel, clock = talk(state, serves=serves, greeting=greeting)
    assert reloading(conversation, channel, clock, serves) is not None
    assert conversation.welcome.bundle_sha256 == "b"
    hello, engage, again, greeted, last = channel.requests
    assert [type(each) for each in (hello, engage, again, greeted, last)] == [Hello, Engage, Engage, Hello, Engage]
    assert hello.rate_hz == 5.0


def test_a_client_of_any_bundle_does_not_go_on_with_one_for_another_robot(talk):
    serves = ["a", {}]
    greeting = Greeting(name="robot", expect=Expectations(), rate_hz=None, any_bundle=True)
    conversation, channel, clock = talk(state, serves=serves, greeting=greeting)
    with pytest.raises(BundleChangedError):
        reloading(conversation, channel, clock, serves, control_period_s=0.02)


def test_a_ping_needs_no_session(talk):
    conversation, channel, clock = talk(pong, serves=["a", {}])
    conversation.ask(ping_question())
    assert conversation.listen(clock() + 1000 * MS) is not None
    assert [type(request) for request in channel.requests] == [Ping]
