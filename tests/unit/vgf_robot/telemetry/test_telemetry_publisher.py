import logging
import time

import pytest

from tests.ticks import make_tick
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.telemetry import Event, EventKind, Publisher, Subscriber
from vgf_robot.telemetry.publisher import MAX_LOGGED_FAULTS

PATIENCE_S = 30.0


def an_event(text: str = "here") -> Event:
    return Event(source="serve", kind=EventKind.STARTED, text=text)


def connected(publisher: Publisher, subscriber: Subscriber) -> None:
    """Publish until something is heard: a PUB drops what nobody has subscribed to yet."""
    deadline_s = time.monotonic() + PATIENCE_S
    while subscriber.receive(10) is None:
        publisher.publish(an_event)
        assert time.monotonic() < deadline_s, "nothing was heard"
    while subscriber.receive(50) is not None:
        pass
    subscriber.counters.clear()


@pytest.fixture
def endpoint(tmp_path) -> str:
    return f"ipc://{tmp_path}/telemetry.sock"


@pytest.fixture
def pair(endpoint):
    with Publisher(endpoint, clock=lambda: 5, wall_clock=lambda: 6) as publisher:
        assert publisher.endpoint is not None
        with Subscriber(publisher.endpoint) as subscriber:
            connected(publisher, subscriber)
            yield publisher, subscriber


def heard(subscriber: Subscriber):
    stamped = subscriber.receive(int(1000 * PATIENCE_S))
    assert stamped is not None
    return stamped


def test_records_come_in_order_with_their_stamps(pair):
    publisher, subscriber = pair
    first = publisher.published
    publisher.publish(make_tick)
    publisher.publish(lambda: an_event("again"))
    tick, event = heard(subscriber), heard(subscriber)
    assert (tick.record, event.record) == (make_tick(), an_event("again"))
    assert (tick.number, event.number) == (first, first + 1)
    assert (tick.wall_ns, tick.monotonic_ns) == (6, 5)
    assert (subscriber.counters["received"], subscriber.counters["dropped"]) == (2, 0)


def test_a_gap_in_the_numbers_is_counted(pair):
    publisher, subscriber = pair
    publisher.published += 3  # as if three had been lost on the way
    publisher.publish(make_tick)
    heard(subscriber)
    assert subscriber.counters["dropped"] == 3


def test_a_restarted_publisher_counts_from_0_again(pair, endpoint):
    publisher, subscriber = pair
    publisher.close()
    with Publisher(endpoint) as successor:
        deadline_s = time.monotonic() + PATIENCE_S
        while subscriber.receive(10) is None:
            successor.publish(an_event)
            assert time.monotonic() < deadline_s
    assert (subscriber.counters["restarts"], subscriber.counters["dropped"]) == (1, 0)


def test_a_record_that_cannot_be_made_is_counted_and_never_raised(pair, caplog):
    publisher, subscriber = pair
    with caplog.at_level(logging.ERROR):
        for _ in range(10):
            publisher.publish(lambda: 1 / 0)
    publisher.publish(make_tick)
    assert publisher.failed == 10
    assert len(caplog.records) == MAX_LOGGED_FAULTS
    assert heard(subscriber).record == make_tick()
    assert subscriber.counters["dropped"] == 0


def test_what_cannot_be_read_is_counted_and_said(pair):
    publisher, subscriber = pair
    publisher._socket.send(b"\xc1")
    assert subscriber.receive(int(1000 * PATIENCE_S)) is None
    assert subscriber.counters["unreadable"] == 1
    assert "expected a record of version 1" in subscriber.complaint


def test_without_an_endpoint_no_record_is_made():
    with Publisher(None) as publisher:
        publisher.publish(lambda: pytest.fail("it was made"))
    assert (publisher.endpoint, publisher.published, publisher.failed) == (None, 0, 0)


def test_nobody_listening_costs_nothing_but_the_record(endpoint):
    with Publisher(endpoint) as publisher:
        for _ in range(10_000):
            publisher.publish(make_tick)
        assert (publisher.published, publisher.failed) == (10_000, 0)


def test_a_subscriber_that_does_not_read_holds_nobody_up(pair):
    publisher, subscriber = pair
    big = make_tick(engagement_reason="x" * 2000)
    for _ in range(60_000):
        publisher.publish(lambda: big)
    assert publisher.failed == 0
    while subscriber.receive(200) is not None:
        pass
    received = subscriber.counters["received"]
    publisher.publish(make_tick)
    heard(subscriber)
    assert subscriber.counters["dropped"] == 60_000 - received > 0


def test_an_endpoint_that_will_not_do_is_refused():
    with pytest.raises(MachineError, match="cannot be bound"):
        Publisher("tcp://192.0.2.1:5558")
    with pytest.raises(ConfigError, match="no endpoint to connect to"):
        Subscriber("nonsense")
