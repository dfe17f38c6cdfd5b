"""What is taken off the socket in one turn: not more of one sender than its share."""

from collections import Counter

import pytest
import zmq

from tests.clocks import FakeClock
from vgf_robot.wire.receive_queue import MAX_ARRIVALS, MAX_PER_SENDER, ReceiveQueue


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
def receive_queue(ends, counters) -> ReceiveQueue:
    return ReceiveQueue(ends[0], zap=None, counters=counters, clock=FakeClock(now_ns=7))


def test_messages_come_with_their_sender_their_time_and_one_frame(ends, receive_queue):
    ends[1][0].send(b"plain")
    ends[1][0].send_multipart([b"a", b"b", b"c"])
    receive_queue.wait()
    receive_queue.drain()
    first, second = receive_queue.arrivals
    assert (first.frames, first.num_frames, first.arrived_ns, first.user) == ((b"plain",), 1, 7, None)
    assert (second.frames, second.num_frames) == ((b"a",), 3)
    assert first.identity == first.address == second.address


def test_a_sender_that_floods_has_its_share_and_is_told_once(ends, receive_queue, counters):
    flooder, honest = ends[1]
    for number in range(30):
        flooder.send(b"%d" % number)
    honest.send(b"honest")
    receive_queue.wait()
    receive_queue.drain()
    of = {
        peer: [each for each in receive_queue.arrivals if each.address == peer]
        for peer in {a.address for a in receive_queue.arrivals}
    }
    shares = sorted(of.values(), key=len)
    assert [each.frames for each in shares[0]] == [(b"honest",)]
    assert [each.excess for each in shares[1]] == [True] + [False] * MAX_PER_SENDER
    # What is new counts, as everywhere: the oldest is answered with the complaint, those between are thrown away.
    assert [each.frames[0] for each in shares[1]] == [b"0", *(b"%d" % n for n in range(30 - MAX_PER_SENDER, 30))]
    assert counters == {"received": 30 - MAX_PER_SENDER - 1, "error.too_fast": 30 - MAX_PER_SENDER - 1}


def test_a_turn_takes_no_more_however_often_it_looks_and_the_next_one_goes_on(ends, receive_queue, counters):
    for _ in range(MAX_ARRIVALS + 5):
        ends[1][0].send(b"x")
    for _ in range(3):
        receive_queue.drain()
    assert len(receive_queue.arrivals) + counters["received"] == MAX_ARRIVALS
    receive_queue.arrivals.clear()
    receive_queue.begin_turn()
    receive_queue.drain()
    assert [each.excess for each in receive_queue.arrivals] == [False] * 5


def test_waiting_ends_where_nothing_comes(ends, receive_queue):
    ends[0].setsockopt(zmq.RCVTIMEO, 1)
    receive_queue.wait()
    assert not receive_queue.arrivals
