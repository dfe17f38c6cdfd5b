"""The loop's sockets with keys: who is listened to, and who hears."""

import time
from contextlib import contextmanager

import msgspec
import pytest
import zmq

from tests.unit.vgf_robot.security.keyrings import Keyring
from tests.unit.vgf_robot.wire.conftest import manifest  # noqa: F401
from vgf_robot.drive import DriveSettings, SocketPorts
from vgf_robot.security import Guard, curve_client

pytestmark = pytest.mark.realtime

PATIENCE_S = 20.0
GRACE_S = 0.1
OBSERVATION = {"type": "observation", "version": 1, "observation": {"dtype": "<f4", "shape": [3], "data": bytes(12)}}


@pytest.fixture
def keyring(tmp_path) -> Keyring:
    keyring = Keyring(tmp_path)
    keyring.list(robot="act", watcher="observe")
    return keyring


@pytest.fixture
def guard(keyring) -> Guard:
    return Guard(keyring.keys())


@pytest.fixture
def ports(manifest, guard):  # noqa: F811
    free = "tcp://127.0.0.1:*"
    with SocketPorts(manifest, DriveSettings(), observations=free, commands=free, guard=guard) as ports:
        yield ports


@contextmanager
def peer(kind, endpoint, keys):
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        curve_client(socket, keys)
        socket.connect(endpoint)
        yield socket


class Sensor:
    """Sends newer and newer observations."""

    def __init__(self, socket) -> None:
        self.sequence = 0
        self._socket = socket

    def send(self) -> None:
        self.sequence += 1
        self._socket.send(msgspec.msgpack.encode({**OBSERVATION, "sequence": self.sequence}))


def until(done, turn, patience_s=PATIENCE_S) -> bool:
    give_up_s = time.monotonic() + patience_s
    while not (found := done()) and time.monotonic() < give_up_s:
        turn()
    return bool(found)


def test_only_who_may_act_is_listened_to(ports, guard, keyring):
    for name, reason in (("stranger", "refused.unknown_key"), ("watcher", "refused.role")):
        with peer(zmq.PUB, ports.observations, keyring.client(name)) as socket:
            sensor = Sensor(socket)
            assert until(lambda: reason in ports.counters, lambda: (sensor.send(), ports.newest()))  # noqa: B023
            assert ports.newest() is None
    with peer(zmq.PUB, ports.observations, None) as socket:
        sensor = Sensor(socket)
        assert until(
            lambda: "refused.handshake" in ports.counters, lambda: (sensor.send(), ports.newest(), guard.beat())
        )
    with peer(zmq.PUB, ports.observations, keyring.client("robot")) as socket:
        sensor = Sensor(socket)
        assert until(ports.newest, sensor.send)
        # The connection stays, and its messages count for nothing from then on.
        keyring.list(watcher="observe")
        guard.beat()
        seen = ports.newest().sequence
        assert until(lambda: ports.counters.get("error.forbidden"), lambda: (sensor.send(), ports.newest()))
        assert ports.newest().sequence <= seen + 1


def test_only_who_may_act_hears(ports, guard, keyring):
    with (
        peer(zmq.SUB, ports.commands, keyring.client("watcher")) as watcher,
        peer(zmq.SUB, ports.commands, keyring.client("robot")) as robot,
    ):

        def turn() -> None:
            ports.newest()
            ports._pub.send(b"command")

        assert until(lambda: robot.poll(1), turn)
        assert until(lambda: ports.counters.get("refused.role"), turn)
        assert not watcher.poll(0)
        keyring.list(watcher="observe")
        assert until(lambda: ports.counters.get("refused.role", 0) > 1, lambda: (turn(), guard.beat()))
        while robot.poll(0):
            robot.recv()
        until(lambda: False, turn, GRACE_S)
        assert not robot.poll(0)
