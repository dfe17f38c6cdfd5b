"""What is taken off the socket in one turn: not more of one sender than its share."""

from collections import Counter

import pytest
import zmq

from tests.clocks import FakeClock
from vgf_robot.wire.inlet import MAX_ARRIVALS, MAX_PER_SENDER, Inlet


@pytest.fixture
def ends():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.RCVTIMEO, 20_000)
        router.bind("inproc://server")
        peers = [context.socket(zmq.DEALER) for _ in range(2)]
        for peer in peers:
            peer.connect("inproc://server")
        yield router, peers
        for peer in peers:
            peer.close(linger=0)


@pytest.fixture
def counters() -> Counter[str]:
    return Counter()


@pytest.fixture
def inlet(ends, counters) -> Inlet:
    return Inlet(ends[0], door=None, counters=counters, clock=FakeClock(now_ns=7))


def test_messages_come_with_their_sender_their_time_and_one_frame(ends, inlet):
    ends[1][0].send(b"plain")
    ends[1][0].send_multipart([b"a", b"b", b"c"])
    inlet.wait()
    inlet.drain()
    first, second = inlet.arrivals
    assert (first.frames, first.num_frames, first.arrived_ns, first.user) == ((b"plain",), 1, 7, None)
    assert (second.frames, second.num_frames) == ((b"a",), 3)
    assert first.identity == first.address == second.address


def test_a_sender_that_floods_has_its_share_and_is_told_once(ends, inlet, counters):
    flooder, honest = ends[1]
    for number in range(30):
        flooder.send(b"%d" % number)
    honest.send(b"honest")
    inlet.wait()
    inlet.drain()
    of = {
        peer: [each for each in inlet.arrivals if each.address == peer] for peer in {a.address for a in inlet.arrivals}
    }
    shares = sorted(of.values(), key=len)
    assert [each.frames for each in shares[0]] == [(b"honest",)]
    assert [each.excess for each in shares[1]] == [True] + [False] * MAX_PER_SENDER
    # What is new counts, as everywhere: the oldest is answered with the complaint, those between are thrown away.
    assert [each.frames[0] for each in shares[1]] == [b"0", *(b"%d" % n for n in range(30 - MAX_PER_SENDER, 30))]
    assert counters == {"received": 30 - MAX_PER_SENDER - 1, "error.too_fast": 30 - MAX_PER_SENDER - 1}


def test_a_turn_takes_no_more_however_often_it_looks_and_the_next_one_goes_on(ends, inlet, counters):
    for _ in range(MAX_ARRIVALS + 5):
        ends[1][0].send(b"x")
    for _ in range(3):
        inlet.drain()
    assert len(inlet.arrivals) + counters["received"] == MAX_ARRIVALS
    inlet.arrivals.clear()
    inlet.begin_turn()
    inlet.drain()
    assert [each.excess for each in inlet.arrivals] == [False] * 5


def test_waiting_ends_where_nothing_comes(ends, inlet):
    ends[0].setsockopt(zmq.RCVTIMEO, 1)
    inlet.wait()
    assert not inlet.arrivals
