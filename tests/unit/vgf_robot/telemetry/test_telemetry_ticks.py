from types import SimpleNamespace

import pytest

from tests.ticks import make_tick
from vgf_robot.engagement import EngagementState
from vgf_robot.telemetry import Event, EventKind, ServeTelemetry, TickRecord
from vgf_robot.telemetry.serving import MAX_REFUSALS_PER_SECOND, spell
from vgf_robot.telemetry.ticks import MAX_ROBOTS, Ticks
from vgf_robot.wire import ErrorKind, ServeSettings
from vgf_robot.wire.addressed import OutgoingReply
from vgf_robot.wire.messages import ErrorReply


class Told:
    """A publisher that keeps what it is told."""

    endpoint = None

    def __init__(self) -> None:
        self.records = []

    def publish(self, make) -> None:
        self.records.append(make())

    @property
    def events(self) -> list[Event]:
        return [record for record in self.records if isinstance(record, Event)]


@pytest.fixture
def told() -> Told:
    return Told()


def publish(ticks: Ticks, **changes) -> None:
    ticks.publish(lambda: make_tick(**changes))


def test_a_change_of_engagement_is_an_event_after_its_tick(told):
    ticks = Ticks(told)
    for state in (None, EngagementState.CHECKING, EngagementState.CHECKING, EngagementState.ENGAGED):
        publish(ticks, engagement=state)
    assert [type(record) for record in told.records] == [TickRecord, TickRecord, Event, TickRecord, TickRecord, Event]
    assert [event.text for event in told.events] == ["checking", "engaged"]
    assert {event.kind for event in told.events} == {EventKind.ENGAGEMENT}


def test_a_fault_is_an_event_of_its_own_with_the_reason(told):
    publish(Ticks(told), engagement=EngagementState.FAULT, engagement_reason="It moved.", identity="b2")
    (event,) = told.events
    assert (event.kind, event.text, event.identity) == (EventKind.FAULT, "fault: It moved.", "b2")


def test_robots_are_told_apart(told):
    ticks = Ticks(told)
    for identity in ("a", "b", "a", "b"):
        publish(ticks, engagement=EngagementState.ENGAGED, identity=identity)
    assert [event.identity for event in told.events] == ["a", "b"]


def test_only_so_many_robots_are_remembered(told):
    ticks = Ticks(told)
    for number in range(MAX_ROBOTS + 5):
        publish(ticks, engagement=EngagementState.ENGAGED, identity=str(number))
    assert len(ticks._states) == MAX_ROBOTS
    assert "0" not in ticks._states


def refusal(identity: bytes = b"\x00\x01") -> OutgoingReply:
    message = ErrorReply(
        version=1, sequence=3, kind=ErrorKind.BUDGET, expected="less", found="more", advice="ask for less"
    )
    return OutgoingReply(address=b"", identity=identity, message=message)


def test_refusals_are_told_so_many_a_second(told):
    telemetry = ServeTelemetry(told, ServeSettings())
    server = SimpleNamespace(counters={"answered": 2}, sessions={b"a": None})
    for _ in range(2 * MAX_REFUSALS_PER_SECOND):
        telemetry.replied(refusal(), False)
    assert len(told.events) == MAX_REFUSALS_PER_SECOND
    assert told.events[0].text == "budget: expected less, found more"
    assert told.events[0].identity == "0001"
    telemetry.beat(1, server)
    telemetry.beat(2, server)  # the second is not over
    assert told.records[-1].counters == {"answered": 2, "clients": 1}
    telemetry.replied(refusal(), False)
    assert len(told.events) == MAX_REFUSALS_PER_SECOND + 1
    assert len(told.records) == MAX_REFUSALS_PER_SECOND + 2


@pytest.mark.parametrize(("identity", "text"), [(b"", ""), (b"lab", "lab"), (b"\x00k", "006b"), ("é".encode(), "c3a9")])
def test_an_identity_is_text_where_it_can_be(identity, text):
    assert spell(identity) == text
