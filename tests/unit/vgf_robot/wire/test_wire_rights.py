"""With keys, every message is asked for its sender's rights, and what a server remembers hangs on the key."""

import msgspec
import pytest

from tests.unit.vgf_robot.security.keyrings import Keyring
from vgf_robot.engagement import EngagementSettings, EngagementState
from vgf_robot.security import Guard
from vgf_robot.wire.addressed import Arrival
from vgf_robot.wire.codec import encode
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import Act, Bye, EngagementReply, ErrorReply, Ping, Pong, Welcome


class ControlServer:
    """A bench whose clients show keys."""

    def __init__(self, make_bench, keyring) -> None:
        self.keyring = keyring
        self.told: list[str] = []
        self.guard = Guard(keyring.keys(), tell=self.told.append)
        self.bench = make_bench(guard=self.guard)

    def say(self, who, message, connection=b"1", **changes):
        user = self.keyring.client(who).pair.public
        arrival = Arrival(
            address=connection,
            identity=user.encode(),
            user=user,
            frames=(message if isinstance(message, bytes) else encode(message),),
            num_frames=1,
            arrived_ns=self.bench.clock.now_ns,
        )
        return [
            outgoing.message for outgoing in self.bench.dispatcher.handle(msgspec.structs.replace(arrival, **changes))
        ]

    def kinds(self, *arguments, **changes):
        return [
            reply.kind if isinstance(reply, ErrorReply) else type(reply) for reply in self.say(*arguments, **changes)
        ]


@pytest.fixture
def desk(make_bench, tmp_path):
    keyring = Keyring(tmp_path)
    keyring.list(robot="act", watcher="observe", second="act")
    return ControlServer(make_bench, keyring)


def test_who_may_act_is_served(desk, hello_message, observe_message):
    assert desk.kinds("robot", hello_message()) == [Welcome]
    assert desk.say("robot", observe_message()) == []
    assert isinstance(desk.bench.serve_one().message, Act)
    assert "error.forbidden" not in desk.bench.dispatcher.counters()


def test_who_only_observes_may_ask_how_things_are_and_no_more(desk, hello_message, observe_message):
    assert desk.kinds("watcher", Ping(version=1, sequence=1)) == [Pong]
    for message in (hello_message(), observe_message(), Bye(version=1, sequence=3)):
        (reply,) = desk.say("watcher", message)
        assert (reply.kind, reply.sequence) == (ErrorKind.FORBIDDEN, message.sequence)
        assert "'act'" in reply.expected
    counters = desk.bench.dispatcher.counters()
    assert (counters["error.forbidden"], counters["refused.message"]) == (3, 3)
    assert desk.bench.state.sessions == {}
    assert len(desk.told) == 1
    assert "'watcher'" in desk.told[0]


@pytest.mark.parametrize("user", [None, "", "x" * 40])
def test_who_is_not_listed_is_not_even_read(desk, hello_message, user):
    for payload in (hello_message(), b"garbage"):
        (reply,) = desk.say("robot", payload, user=user)
        assert (reply.kind, reply.sequence) == (ErrorKind.FORBIDDEN, None)
    assert "error.malformed" not in desk.bench.dispatcher.counters()


def test_a_key_that_is_revoked_stops_at_once_on_its_open_connection(desk, hello_message, observe_message):
    desk.say("robot", hello_message())
    desk.say("second", hello_message(), b"2")
    desk.say("robot", observe_message())
    desk.keyring.list(watcher="observe", second="act")
    assert desk.guard.rights.refresh()
    (told,) = desk.bench.dispatcher.expel()  # what waited is not answered any more
    assert (told.address, told.message.kind, told.message.sequence) == (b"1", ErrorKind.FORBIDDEN, 2)
    assert desk.bench.serve_one() is None
    assert desk.kinds("robot", observe_message(sequence=3)) == [ErrorKind.FORBIDDEN]
    assert desk.kinds("robot", hello_message(sequence=4)) == [ErrorKind.FORBIDDEN]
    assert list(desk.bench.state.sessions) == [desk.keyring.publics["second"].encode()]
    assert desk.bench.dispatcher.expel() == []


def test_a_message_that_is_said_again_is_not_acted_upon(desk, hello_message, observe_message):
    desk.say("robot", hello_message())
    recorded = encode(observe_message(sequence=7))
    assert desk.say("robot", recorded) == []
    desk.bench.serve_one()
    for payload in (recorded, encode(observe_message(sequence=6))):
        assert desk.kinds("robot", payload) == [ErrorKind.STALE_SEQUENCE]
        assert desk.bench.serve_one() is None
    assert desk.bench.dispatcher.counters()["error.stale_sequence"] == 2
    # On another connection it is a stranger's word, too.
    assert desk.kinds("robot", recorded, b"other") == [ErrorKind.HANDSHAKE_REQUIRED]
    assert desk.kinds("second", recorded, b"other") == [ErrorKind.HANDSHAKE_REQUIRED]


def test_a_client_that_connects_anew_takes_its_own_place(make_bench, desk, hello_message, observe_message):
    desk.bench = make_bench(guard=desk.guard, max_clients=1)
    desk.say("robot", hello_message(), b"1")
    desk.say("robot", observe_message(), b"1")
    assert desk.kinds("robot", hello_message(), b"2") == [Welcome]
    assert len(desk.bench.state.sessions) == 1
    assert len(desk.bench.state.deadline_queue) == 0
    # What comes late from the connection before ends nothing.
    assert desk.say("robot", Bye(version=1, sequence=9), b"1") == []
    desk.bench.state.lose(desk.keyring.publics["robot"].encode(), b"1")
    assert desk.kinds("robot", observe_message(sequence=8), b"1") == [ErrorKind.HANDSHAKE_REQUIRED]
    assert desk.say("robot", observe_message(sequence=8), b"2") == []
    assert desk.bench.serve_one().address == b"2"
    assert desk.say("robot", Bye(version=1, sequence=9), b"2") == []
    assert desk.bench.state.sessions == {}


def test_who_sends_too_much_at_a_time_is_told_once(desk):
    (reply,) = desk.say("robot", b"", excess=True)
    assert (reply.kind, reply.sequence) == (ErrorKind.TOO_FAST, None)


@pytest.mark.parametrize("leave", ["bye", "connection", "silence"])
def test_a_fault_hangs_on_the_key_until_it_is_cleared(
    make_bench, tmp_path, hello_message, observe_message, engage_message, leave
):
    keyring = Keyring(tmp_path)
    keyring.list(robot="act", second="act")
    desk = ControlServer(lambda **settings: make_bench(engagement=EngagementSettings(), **settings), keyring)
    state = desk.bench.state
    for who, connection in (("robot", b"1"), ("second", b"2")):
        desk.say(who, hello_message(), connection)
    desk.say("robot", engage_message(sequence=2))
    desk.bench.controller.action = (float("nan"), 0.0)
    desk.say("robot", observe_message(sequence=3))
    assert desk.bench.serve_one().message.engagement is EngagementState.FAULT
    user = desk.keyring.client("robot").pair.public.encode()
    if leave == "bye":
        desk.say("robot", Bye(version=1, sequence=4))
    elif leave == "connection":
        state.lose(user, b"1")
    else:
        state.forget_idle(desk.bench.clock.now_ns + 2 * state.idle_ns)
    assert user not in state.sessions
    desk.say("robot", hello_message(), b"3")
    assert desk.kinds("robot", engage_message(sequence=2), b"3") == [ErrorKind.ENGAGEMENT]
    assert desk.kinds("second", hello_message(sequence=9), b"4") == [Welcome]
    assert desk.kinds("second", engage_message(sequence=10), b"4") == [EngagementReply]
    desk.say("robot", engage_message("clear", sequence=3), b"3")
    desk.say("robot", Bye(version=1, sequence=4), b"3")
    desk.say("robot", hello_message(), b"5")
    assert desk.kinds("robot", engage_message(sequence=2), b"5") == [EngagementReply]
