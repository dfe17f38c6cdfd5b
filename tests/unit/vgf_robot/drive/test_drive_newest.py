"""Which observation is the newest, whose it is, and how old it may be."""

import time
from collections import Counter

import msgspec
import numpy as np
import pytest
import zmq

from tests.clocks import MS, FakeClock
from tests.unit.vgf_robot.wire.conftest import manifest  # noqa: F401
from vgf_robot.drive import VERSION, DriveSettings, ObservationMessage, SocketPorts
from vgf_robot.drive.newest import MAX_FORMER, Newest
from vgf_robot.engagement import EngagementState
from vgf_robot.wire import pack

PATIENCE_S = 20.0
PERIOD_NS = 50 * MS


def observation(sequence, run=0, value=0.0, **changes) -> ObservationMessage:
    array = pack(np.full(3, value, np.float32))
    return ObservationMessage(version=VERSION, sequence=sequence, run=run, observation=array, **changes)


class Followed:
    """What is newest for a robot that follows or does not; an observation's first entry says who sent it."""

    def __init__(self, manifest, follows=True):  # noqa: F811
        self.counters = Counter()
        self.follows = follows
        self.newest = Newest(manifest, follows=lambda: self.follows, counters=self.counters)

    def hear(self, *messages):
        """Return whose observation is the newest after each message: (run, sequence)."""
        heard = []
        for run, sequence in messages:
            self.newest.take(observation(sequence, run, value=run), read_ns=0)
            heard.append((round(float(self.newest.sensed.observation[0])), self.newest.sensed.sequence))
        return heard


def test_a_robot_that_follows_one_sender_follows_no_other(manifest):  # noqa: F811
    robot = Followed(manifest)
    assert robot.hear((1, 10), (2, 11), (1, 12), (2, 13)) == [(1, 10), (1, 10), (1, 12), (1, 12)]
    assert robot.counters == {"observations": 2, "other_senders": 2}


def test_a_sender_that_was_restarted_is_heard_when_nobody_follows(manifest):  # noqa: F811
    robot = Followed(manifest)
    assert robot.hear((1, 500), (2, 0)) == [(1, 500), (1, 500)]
    robot.follows = False
    assert robot.hear((2, 1)) == [(2, 1)]
    robot.follows = True
    assert robot.hear((2, 2)) == [(2, 2)]
    assert robot.counters == {"observations": 3, "other_senders": 1, "restarts": 1}


def test_a_sender_whose_place_was_taken_does_not_come_back(manifest):  # noqa: F811
    robot = Followed(manifest, follows=False)
    assert robot.hear((1, 10), (2, 0), (1, 11), (3, 5), (2, 1), (3, 6)) == [
        (1, 10),
        (2, 0),
        (2, 0),
        (3, 5),
        (3, 5),
        (3, 6),
    ]


def test_what_is_remembered_of_former_senders_is_bounded(manifest):  # noqa: F811
    robot = Followed(manifest, follows=False)
    for run in range(MAX_FORMER + 10):
        robot.newest.take(observation(0, run), read_ns=0)
    assert len(robot.newest._former) == MAX_FORMER


def test_an_older_sequence_is_no_news(manifest):  # noqa: F811
    robot = Followed(manifest)
    assert robot.hear((1, 10), (1, 10), (1, 9), (1, 11)) == [(1, 10), (1, 10), (1, 10), (1, 11)]
    assert robot.counters["repeated"] == 2


@pytest.mark.parametrize("state", EngagementState)
def test_a_robot_follows_where_the_policys_actions_count(state):
    assert state.follows == (state.value in {"checking", "blending_in", "engaged"})


class Looking:
    """A loop's sockets on a fake clock, and a sensor."""

    def __init__(self, ports, clock, socket):
        self.ports, self.clock, self._socket = ports, clock, socket

    def age_after(self, pause_ns, sequence, **facts):
        """Return how old a message seems that is found after a pause between two looks."""
        self.ports.newest()
        self._socket.send(msgspec.msgpack.encode(observation(sequence, **facts)))
        assert self.ports._sub.poll(1000 * PATIENCE_S), "the message did not come"
        self.clock.advance(pause_ns)
        sensed = self.ports.newest()
        assert sensed.sequence == sequence
        return self.clock() - sensed.taken_ns


@pytest.fixture
def looking(manifest):  # noqa: F811
    clock, free = FakeClock(), "tcp://127.0.0.1:*"
    with (
        SocketPorts(manifest, DriveSettings(), observations=free, commands=free, clock=clock) as ports,
        zmq.Context() as context,
        context.socket(zmq.XPUB) as socket,
    ):
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(ports.observations)
        give_up_s = time.monotonic() + PATIENCE_S
        while not socket.poll(1):
            ports.newest()  # a socket subscribes when it is looked at
            assert time.monotonic() < give_up_s, "the loop did not subscribe"
        yield Looking(ports, clock, socket)


@pytest.mark.realtime
def test_what_was_found_after_a_pause_may_have_lain_there_all_the_time(looking):
    assert looking.age_after(PERIOD_NS, 1) == 0
    assert looking.age_after(3 * PERIOD_NS // 2, 2) == 0
    assert looking.age_after(20 * PERIOD_NS, 3) == 20 * PERIOD_NS
    assert looking.age_after(20 * PERIOD_NS, 4, age_us=1000) == 20 * PERIOD_NS + MS
    assert looking.age_after(PERIOD_NS, 5) == 0  # it comes again, and is believed again
