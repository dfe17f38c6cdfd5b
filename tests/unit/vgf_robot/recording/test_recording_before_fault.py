import pytest

from tests.ticks import make_tick, stamp
from vgf_robot.controller import Status
from vgf_robot.recording import before_fault
from vgf_robot.recording.before_fault import BURST, BeforeFault
from vgf_robot.recording.mcap_file import Entry
from vgf_robot.telemetry import Event, EventKind

SECOND_NS = 1_000_000_000
FAULT = Event(source="serve", kind=EventKind.FAULT, text="fault: It moved.")
CHANGE = Event(source="serve", kind=EventKind.ENGAGEMENT, text="engaged")


class Watch:
    def __init__(self, keep_s: float = 2.0) -> None:
        self.before = BeforeFault(round(keep_s * SECOND_NS))
        self.number = 0

    def add(self, record, at_s: float) -> list[int]:
        """Return the numbers of the entries that are kept apart."""
        self.number += 1
        stamped = stamp(record, self.number, at_ns=round(at_s * SECOND_NS))
        entry = Entry(topic="tick", wall_ns=stamped.wall_ns, number=self.number, content=b"x" * 1000)
        return [each.number for each in self.before.add(stamped, entry)]


def test_the_last_seconds_before_a_fault_and_the_fault_are_kept_apart():
    watch = Watch()
    for at_s in range(10):
        assert watch.add(make_tick(), at_s) == []
    assert watch.add(CHANGE, 9.4) == []
    assert watch.add(FAULT, 9.5) == [9, 10, 11, 12]


def test_faults_that_follow_one_another_belong_to_the_first():
    watch = Watch()
    assert watch.add(FAULT, 1.0)
    assert watch.add(FAULT, 2.9) == []
    assert watch.add(FAULT, 4.8) == []
    assert watch.add(FAULT, 7.0) == [4]


@pytest.mark.parametrize("status", [Status.LATE, Status.FALLBACK])
def test_a_burst_of_late_ticks_or_fallbacks_is_a_fault(status):
    watch = Watch()
    for turn in range(BURST - 1):
        assert watch.add(make_tick(status=status), 0.1 * turn) == []
        assert watch.add(make_tick(), 0.1 * turn + 0.05) == []
    assert len(watch.add(make_tick(status=status), 0.9)) == 2 * BURST - 1


def test_as_many_over_a_longer_time_are_none():
    watch = Watch()
    assert [watch.add(make_tick(status=Status.LATE), 0.3 * turn) for turn in range(20)] == [[]] * 20


def test_truncated_ticks_are_none():
    watch = Watch()
    assert [watch.add(make_tick(status=Status.TRUNCATED), 0.01 * turn) for turn in range(20)] == [[]] * 20


def test_memory_is_bounded_however_fast_records_come(monkeypatch):
    monkeypatch.setattr(before_fault, "MAX_BYTES", 5_500)
    watch = Watch()
    for turn in range(100):
        watch.add(make_tick(), 1e-6 * turn)
    assert watch.add(FAULT, 1.0) == [97, 98, 99, 100, 101]


def test_a_clock_that_begins_anew_forgets_what_was_before():
    watch = Watch()
    watch.add(make_tick(), 1000.0)
    assert watch.add(FAULT, 1.0) == [2]
