from contextlib import suppress

import pytest

from tests.ticks import make_tick, stamp
from vgf_robot.errors import DatasetError
from vgf_robot.recording import Recording
from vgf_robot.recording.form import to_json
from vgf_robot.recording.mcap_file import Entry, McapFile
from vgf_robot.telemetry import Event, EventKind


def write(path, records, chunk=4):
    file = McapFile(path)
    for number, record in enumerate(records):
        stamped = stamp(record, number)
        topic, content = to_json(stamped)
        file.add(Entry(topic=topic, wall_ns=stamped.wall_ns, number=number, content=content))
        if number % chunk == chunk - 1:
            file.flush()
    file.finish()
    return path


@pytest.fixture
def whole(tmp_path):
    return write(tmp_path / "recording-1.mcap", [make_tick(number) for number in range(10)])


def test_records_come_back_in_order_with_their_stamps(tmp_path):
    event = Event(source="serve", kind=EventKind.STARTED, text="tiny")
    path = write(tmp_path / "recording-1.mcap", [event, make_tick(1)])
    assert list(Recording([path]).records()) == [stamp(event, 0), stamp(make_tick(1), 1)]
    assert list(Recording([path]).ticks()) == [make_tick(1)]


def test_a_folder_stands_for_its_files_in_order_but_those_of_faults(tmp_path):
    for name, first in (("recording-2", 3), ("recording-1", 0), ("fault-1", 90)):
        write(tmp_path / f"{name}.mcap", [make_tick(first + number) for number in range(3)])
    assert [tick.tick for tick in Recording([tmp_path]).ticks()] == [0, 1, 2, 3, 4, 5]


def test_a_file_cut_at_any_byte_is_read_up_to_its_last_whole_chunk(whole):
    content = whole.read_bytes()
    counts = set()
    for size in range(8, len(content), 37):
        whole.write_bytes(content[:size])
        recording = Recording([whole])
        ticks = [tick.tick for tick in recording.ticks()]
        assert ticks == list(range(len(ticks)))
        assert recording.cut == [whole]
        counts.add(len(ticks))
    assert counts == {0, 4, 8, 10}


def test_a_whole_file_is_not_said_to_be_cut(whole):
    recording = Recording([whole])
    assert len(list(recording.records())) == 10
    assert recording.cut == []


def test_a_damaged_file_is_refused_and_never_believed(whole):
    content = bytearray(whole.read_bytes())
    refused = 0
    for place in range(0, len(content), 101):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        whole.write_bytes(damaged)
        with suppress(DatasetError):
            found = list(Recording([whole]).ticks())
            # Cut there, or in what only indexes.
            assert found == [make_tick(number) for number in range(len(found))]
            refused -= 1
        refused += 1
    assert refused > 5


@pytest.mark.parametrize("content", [b"", b"no MCAP at all, whatever it is"])
def test_what_is_no_recording_is_refused_or_empty(tmp_path, content):
    path = tmp_path / "recording-1.mcap"
    path.write_bytes(content)
    recording = Recording([path])
    if content:
        with pytest.raises(DatasetError, match="no readable MCAP file"):
            list(recording.ticks())
    else:
        assert list(recording.ticks()) == []
        assert recording.cut == [path]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        Recording([tmp_path / "nothing.mcap"])
    with pytest.raises(DatasetError, match=r"found no recording-\*.mcap"):
        Recording([tmp_path])
