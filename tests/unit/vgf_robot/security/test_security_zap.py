"""Handshakes over real sockets of one process: who is let in, who is not, and who has to go."""

import time
from contextlib import contextmanager

import pytest
import zmq
from zmq.utils import z85

from tests.clocks import FakeClock
from vgf_robot.security import Guard, HandshakeWatch, Refusals, Role, Turned, curve_client, curve_server, user_of

pytestmark = pytest.mark.realtime

PATIENCE_S = 20.0
# How long those who must not get in are given to get in all the same.
GRACE_S = 0.2


class Doorman:
    """A locked socket and its guard, attended as a loop does."""

    def __init__(self, keyring, kind, at_handshake=None, **limits) -> None:
        self.told: list[str] = []
        self.guard = Guard(keyring.keys(), tell=self.told.append, **limits)
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.zap = self.guard.zap(self.context)
        self.zap.lock(self.socket, at_handshake=at_handshake)
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def refused(self) -> dict[str, int]:
        return {name.removeprefix("refused."): count for name, count in self.guard.refusals.counters.items()}

    def until(self, done, patience_s=PATIENCE_S) -> bool:
        give_up_s = time.monotonic() + patience_s
        while not (found := done()) and time.monotonic() < give_up_s:
            self.zap.attend()
            self.zap.look()
            self.socket.poll(1)
        return bool(found)

    def close(self) -> None:
        self.zap.close()
        self.socket.close(linger=0)
        self.context.term()


@pytest.fixture
def doorman(keyring, monkeypatch):
    monkeypatch.setattr("vgf_robot.security.curve.HANDSHAKE_MS", 200)  # after which who was refused tries again
    opened: list[Doorman] = []

    def open_zap(kind=zmq.ROUTER, at_handshake=None, **limits) -> Doorman:
        opened.append(Doorman(keyring, kind, at_handshake, **limits))
        return opened[-1]

    yield open_zap
    for each in opened:
        each.close()


@contextmanager
def peer(endpoint, keys=None, kind=zmq.DEALER):
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.RECONNECT_IVL, 10)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        curve_client(socket, keys)
        if endpoint is not None:
            socket.connect(endpoint)
        yield socket


def writable(socket):
    return lambda: socket.poll(0, zmq.POLLOUT)


def test_a_listed_key_gets_in_and_every_frame_says_whose_it_is(keyring, doorman):
    keyring.list(robot="act")
    desk = doorman()
    with peer(desk.endpoint, keyring.client("robot")) as robot:
        assert desk.until(writable(robot))
        robot.send_multipart((b"one", b"two"))
        assert desk.until(lambda: desk.socket.poll(0))
        frames = desk.socket.recv_multipart(copy=False)
        assert {user_of(frame) for frame in frames} == {keyring.publics["robot"]}
        assert [frame.bytes for frame in frames[1:]] == [b"one", b"two"]
    assert desk.refused == {}


def test_a_frame_without_a_key_is_nobodys():
    assert user_of(zmq.Frame(b"x")) == ""


def test_an_unknown_key_is_counted_and_said_without_being_shown(keyring, doorman):
    desk = doorman()
    keys = keyring.client("stranger")
    with peer(desk.endpoint, keys) as stranger:
        assert desk.until(lambda: desk.refused.get("unknown_key", 0) >= 2)  # it tries again
        assert not stranger.poll(0, zmq.POLLOUT)
    assert "unknown key" in desk.told[0]
    assert "127.0.0.1" in desk.told[0]
    assert keys.pair.public not in desk.told[0]
    assert keys.pair.secret not in desk.told[0]


def test_a_key_that_is_listed_later_gets_in_by_itself(keyring, doorman):
    desk = doorman()
    with peer(desk.endpoint, keyring.client("robot")) as robot:
        assert desk.until(lambda: desk.refused.get("unknown_key"))
        keyring.list(robot="act")
        assert desk.guard.rights.refresh()
        assert desk.until(writable(robot))


def test_no_key_and_a_wrong_idea_of_the_servers_are_counted(keyring, doorman):
    keyring.list(robot="act")
    desk = doorman()
    with peer(desk.endpoint) as keyless:
        assert desk.until(lambda: desk.refused.get("handshake"))
        assert not keyless.poll(0, zmq.POLLOUT)
    before = desk.refused["handshake"]
    deceived = keyring.client("robot", server_key=keyring.home / "robot" / "robot.public")
    with peer(desk.endpoint, deceived) as robot:
        assert desk.until(lambda: desk.refused["handshake"] > before)
        assert not robot.poll(0, zmq.POLLOUT)
    assert set(desk.refused) == {"handshake"}


def test_without_anybody_at_the_door_nobody_gets_in(keyring):
    keyring.list(robot="act")
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        curve_server(socket, keyring.keys())
        socket.bind("tcp://127.0.0.1:*")
        endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        with peer(endpoint, keyring.client("robot")) as robot:
            assert not robot.poll(1000 * GRACE_S, zmq.POLLOUT)


def test_a_socket_of_one_role_lets_the_others_wait_outside(keyring, doorman):
    keyring.list(robot="act", watcher="act observe")
    desk = doorman(zmq.PUB, Role.OBSERVE)
    with peer(desk.endpoint, keyring.client("robot"), zmq.SUB) as robot:
        assert desk.until(lambda: desk.refused.get("role"))
        with peer(desk.endpoint, keyring.client("watcher"), zmq.SUB) as watcher:
            assert desk.until(lambda: [desk.socket.send(b"x"), watcher.poll(0)][1])
            assert not robot.poll(0)
    assert "'robot'" in desk.told[0]


def test_who_loses_a_role_is_cut_off_and_the_others_come_back(keyring, doorman):
    keyring.list(spy="observe", watcher="observe")
    desk = doorman(zmq.PUB, Role.OBSERVE)
    watcher_keys, spy_keys = keyring.client("watcher"), keyring.client("spy")
    with peer(desk.endpoint, watcher_keys, zmq.SUB) as watcher, peer(desk.endpoint, spy_keys, zmq.SUB) as spy:

        def heard(socket):
            return lambda: [desk.socket.send(b"x"), socket.poll(0)][1]

        assert desk.until(heard(watcher))
        assert desk.until(heard(spy))
        keyring.list(watcher="observe")
        assert desk.guard.rights.refresh()
        assert desk.until(lambda: desk.refused.get("unknown_key"))  # it was cut off, and tries again
        for socket in (watcher, spy):
            while socket.poll(0):
                socket.recv()
        assert desk.until(heard(watcher))
        assert not spy.poll(1000 * GRACE_S)


def test_where_everything_is_taken_nobody_else_gets_in(keyring, doorman):
    keyring.list(robot="act")
    desk = doorman(max_connections=0)
    with peer(desk.endpoint, keyring.client("robot")) as robot:
        assert desk.until(lambda: desk.refused.get("full"))
        assert not robot.poll(0, zmq.POLLOUT)


@pytest.mark.parametrize(("role", "most"), [("observe", 8), ("act", 10)])
def test_one_key_cannot_lock_the_others_out(keyring, doorman, monkeypatch, role, most):
    keyring.list(hog=role, robot="act")
    connections: list[str] = []
    monkeypatch.setattr("vgf_robot.security.zap._num_files", lambda: len(connections))
    desk = doorman(max_connections=16)

    def admit(who):
        reason, _ = desk.zap._judge("any", b"CURVE", [z85.decode(keyring.publics[who].encode())])
        connections.extend([who] * (not reason))
        return reason

    assert [admit("hog") for _ in range(40)].count("") == most
    assert admit("hog") == "full"
    assert admit("robot") == ""
    del connections[1:]  # the crowd has gone
    assert admit("hog") == ""


def test_a_client_sees_how_it_was_turned_away(keyring, doorman):
    keyring.list(robot="act")
    desk = doorman()
    for keys, turned in ((None, Turned.MISMATCH), (keyring.client("stranger"), Turned.NOT_LET_IN)):
        with peer(None, keys) as socket, HandshakeWatch(socket.context, socket) as watch:
            socket.connect(desk.endpoint)
            found: list[Turned | None] = []
            assert desk.until(lambda: found.append(watch.turned()) or found[-1] is turned)  # noqa: B023
    with peer(None) as socket, HandshakeWatch(socket.context, socket) as watch:
        socket.connect("ipc://nobody.sock")
        assert not socket.poll(1000 * GRACE_S, zmq.POLLOUT)
        assert watch.turned() is None


def test_a_flood_of_failures_is_let_go_and_counting_goes_on(keyring, doorman, monkeypatch):
    monkeypatch.setattr("vgf_robot.security.zap.MAX_FAILURES", 2)
    desk = doorman()
    with peer(desk.endpoint):
        assert desk.until(lambda: desk.refused.get("handshake"))
    for _ in range(3):
        with peer(desk.endpoint), peer(desk.endpoint), peer(desk.endpoint):
            before = desk.refused["handshake"]
            assert desk.until(lambda: desk.refused["handshake"] > before)  # noqa: B023


def test_every_refusal_is_counted_and_one_a_second_said():
    told: list[str] = []
    clock = FakeClock()
    refusals = Refusals(told.append, clock)
    for _ in range(5):
        refusals.note("role", "'robot'")
    refusals.note("full", "'robot'")
    assert refusals.counters == {"refused.role": 5, "refused.full": 1}
    assert told == ["refused (role): 'robot'; 1 so far", "refused (full): 'robot'; 1 so far"]
    clock.advance(1_000_000_000)
    refusals.note("role", "'robot'")
    assert told[2:] == ["refused (role): 'robot'; 6 so far"]


def test_with_every_file_taken_nobody_gets_in_and_nothing_breaks(keyring, doorman, monkeypatch):
    keyring.list(robot="act")
    desk = doorman()

    def none_left(*_):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr("pathlib.Path.iterdir", none_left)
        with peer(desk.endpoint, keyring.client("robot")) as robot:
            assert desk.until(lambda: desk.refused.get("full"))
            assert not robot.poll(0, zmq.POLLOUT)
        short.setattr("vgf_robot.config.load", none_left)
        keyring.list()
        assert not desk.guard.rights.refresh()
    assert "stay as they were" in desk.told[-1]
    with peer(desk.endpoint, keyring.client("robot")) as robot:
        assert desk.until(writable(robot))


def test_who_turned_a_client_away_long_ago_may_be_gone(keyring, doorman):
    keyring.list(robot="act")
    desk, clock = doorman(), FakeClock()
    with peer(None) as socket, HandshakeWatch(socket.context, socket, clock) as watch:
        socket.connect(desk.endpoint)
        assert desk.until(lambda: watch.turned() is Turned.MISMATCH or clock.advance(1_000_000))
        socket.disconnect(desk.endpoint)
        clock.advance(6_000_000_000)
        assert watch.turned() is None


def test_a_handshake_that_is_done_takes_back_those_that_failed(keyring, doorman):
    desk = doorman()
    with peer(None, keyring.client("robot")) as socket, HandshakeWatch(socket.context, socket) as watch:
        socket.connect(desk.endpoint)
        assert desk.until(lambda: watch.turned() is Turned.NOT_LET_IN)
        keyring.list(robot="act")
        assert desk.guard.rights.refresh()
        assert desk.until(writable(socket))
        assert desk.until(lambda: watch.turned() is None)
