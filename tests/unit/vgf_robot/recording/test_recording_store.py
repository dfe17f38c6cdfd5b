import pytest

from tests.ticks import make_tick, stamp
from tests.unit.vgf_robot.recording.disks import Disk
from vgf_robot.errors import ConfigError
from vgf_robot.recording import Recording
from vgf_robot.recording.form import to_json
from vgf_robot.recording.limits import Limits
from vgf_robot.recording.mcap_file import Entry
from vgf_robot.recording.store import RETRY_NS, Store

SECOND_NS = 1_000_000_000


def entry(number: int, size: int = 0) -> Entry:
    stamped = stamp(make_tick(number, engagement_reason="x" * size), number)
    topic, content = to_json(stamped)
    return Entry(topic=topic, wall_ns=stamped.wall_ns, number=number, content=content)


class Kept:
    def __init__(self, folder, **limits) -> None:
        self.folder, self.disk, self.said = folder, Disk(), []
        self.store = Store(folder, Limits(**limits), tell=self.said.append, open_sink=self.disk.open)

    def add(self, numbers, now_ns=0, size=0) -> None:
        for number in numbers:
            self.store.add(entry(number, size), now_ns)

    def ticks(self) -> list[int]:
        return [tick.tick for tick in Recording([self.folder]).ticks()]


@pytest.fixture
def make(tmp_path):
    return lambda **limits: Kept(tmp_path / "out", **limits)


def test_what_was_added_is_in_the_file(make):
    kept = make()
    kept.add(range(100))
    kept.store.close()
    assert kept.ticks() == list(range(100))
    assert (kept.store.written, kept.store.unwritten) == (100, 0)


def test_no_record_makes_no_file(make):
    kept = make()
    kept.store.beat(SECOND_NS)
    kept.store.close()
    assert list(kept.folder.iterdir()) == []


def test_a_chunk_ends_every_second_so_that_a_killed_recorder_loses_little(make):
    kept = make()
    kept.add(range(5))
    kept.store.beat(SECOND_NS // 2)
    assert kept.ticks() == []
    kept.store.beat(SECOND_NS)
    assert kept.ticks() == list(range(5))
    kept.store.close()


def test_files_end_at_their_size_and_the_oldest_make_room(make):
    kept = make(file_mb=0.001, total_gb=0.000005)
    for number in range(20):  # one chunk each, as if a second apart
        kept.add([number])
        kept.store.beat((number + 1) * SECOND_NS)
    kept.store.close()
    files = sorted(kept.folder.iterdir())
    assert len(kept.store.files) > len(files) >= 1
    assert sum(path.stat().st_size for path in files) < 5000 + 5000  # one is written while the others are kept
    assert kept.ticks() == list(range(20))[-len(kept.ticks()) :]
    assert kept.store.written == 20


def test_files_end_after_their_time(make):
    kept = make(file_minutes=1.0)
    kept.add([0, 1])
    kept.add([2], now_ns=60 * SECOND_NS)
    kept.add([3], now_ns=61 * SECOND_NS)
    kept.store.close()
    assert len(kept.store.files) == 2
    assert kept.ticks() == [0, 1, 2, 3]


def test_other_files_of_the_folder_are_left_alone(make):
    kept = make(file_mb=0.001, total_gb=0.000002)
    (kept.folder / "notes.txt").write_text("x" * 10_000)
    for number in range(10):
        kept.add([number])
        kept.store.beat((number + 1) * SECOND_NS)
    kept.store.close()
    assert (kept.folder / "notes.txt").stat().st_size == 10_000


def test_a_full_disk_stops_the_writing_and_room_starts_it_again(make):
    kept = make()
    kept.add(range(10))
    kept.store.beat(SECOND_NS)
    (path,) = kept.folder.iterdir()
    good = path.stat().st_size
    kept.disk.room = 500
    kept.add(range(10, 20), now_ns=2 * SECOND_NS)
    kept.store.beat(3 * SECOND_NS)  # the chunk does not fit
    assert "No space left on device" in kept.store.complaint
    assert kept.ticks() == list(range(10))
    assert path.stat().st_size == good  # it ends with its last whole chunk
    kept.add(range(20, 25), now_ns=4 * SECOND_NS)
    kept.disk.room = None
    kept.add([25], now_ns=3 * SECOND_NS + RETRY_NS - 1)
    assert (kept.store.written, kept.store.unwritten) == (10, 16)
    kept.add([26, 27], now_ns=3 * SECOND_NS + RETRY_NS)
    kept.store.close()
    assert kept.ticks() == [*range(10), 26, 27]
    assert (kept.store.written, kept.store.unwritten, kept.store.complaint) == (12, 16, "")
    assert [line.split(":")[0].split(";")[0] for line in kept.said] == ["not recording", "recording again"]


def test_a_disk_that_stays_full_is_said_once(make):
    kept = make()
    kept.disk.room = 0
    for turn in range(10):
        kept.add([turn], now_ns=turn * RETRY_NS)
    kept.store.close()
    assert len(kept.said) == 1
    assert (kept.store.written, kept.store.unwritten) == (0, 10)
    assert list(kept.folder.iterdir()) == []


@pytest.mark.parametrize("room", [0, 1, 30, 60, 400, 1500])
def test_a_disk_that_is_full_at_any_byte_leaves_what_can_be_read(make, room):
    kept = make()
    kept.disk.room = room
    kept.add(range(3))
    kept.store.close()
    if any(kept.folder.iterdir()):
        assert kept.ticks() in ([], [0, 1, 2])
    assert kept.store.written + kept.store.unwritten == 3


def test_a_disk_that_takes_a_part_at_a_time_gets_all_of_it(make):
    kept = make()
    kept.disk.largest_write = 7
    kept.add(range(50))
    kept.store.close()
    assert kept.ticks() == list(range(50))


def test_what_came_before_a_fault_is_kept_apart_and_the_newest_of_these_stay(make):
    kept = make(max_faults=2)
    for number in range(4):
        kept.store.keep_apart([entry(number), entry(number + 1)], 0)
    faults = sorted(kept.folder.glob("fault-*.mcap"))
    assert len(faults) == 2
    assert [tick.tick for tick in Recording([faults[-1]]).ticks()] == [3, 4]
    assert "fault: what came before it is in" in kept.said[-1]
    kept.disk.room = 0
    kept.store.keep_apart([entry(9)], 0)
    assert "No space left on device" in kept.store.complaint


@pytest.mark.parametrize("wrong", [{"file_mb": 0}, {"fault_s": float("nan")}, {"max_faults": -1}, {"total_gb": 0.3}])
def test_limits_without_a_meaning_are_refused(wrong):
    with pytest.raises(ConfigError):
        Limits(**wrong)
