"""Stretches of a recording, from whole files by their index and from cut ones all the same."""

import pytest

from tests.ticks import make_tick, stamp
from vgf_robot.errors import DatasetError
from vgf_robot.recording import Timeline
from vgf_robot.recording.form import to_json
from vgf_robot.recording.mcap_file import Entry, McapFile


def write(path, numbers):
    file = McapFile(path)
    for number in numbers:
        stamped = stamp(make_tick(number), number)
        topic, content = to_json(stamped)
        file.add(Entry(topic=topic, wall_ns=stamped.wall_ns, number=number, content=content))
        file.flush()
    file.finish()
    return path


def wall_ns(number):
    return stamp(make_tick(number), number).wall_ns


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "recording-1.mcap", range(10))
    write(tmp_path / "recording-2.mcap", range(10, 15))
    return tmp_path


def ticks_between(timeline, first, last):
    return [stamped.record.tick for stamped in timeline.between(wall_ns(first), wall_ns(last))]


def test_a_stretch_is_read_across_files_with_both_its_ends(folder):
    timeline = Timeline([folder])
    assert (timeline.begin_ns, timeline.end_ns) == (wall_ns(0), wall_ns(14))
    assert ticks_between(timeline, 8, 11) == [8, 9, 10, 11]
    assert ticks_between(timeline, 3, 3) == [3]
    assert list(timeline.between(0, wall_ns(0) - 1)) == []


def test_only_the_chunks_of_the_stretch_are_read(folder, monkeypatch):
    from vgf_robot.recording import timeline as module

    read = []
    from_json = module.from_json
    monkeypatch.setattr(module, "from_json", lambda *arguments: (read.append(arguments), from_json(*arguments))[1])
    assert ticks_between(Timeline([folder]), 4, 5) == [4, 5]
    assert len(read) == 2


def test_a_file_that_was_cut_is_read_up_to_there(folder):
    path = folder / "recording-2.mcap"
    path.write_bytes(path.read_bytes()[:-900])
    timeline = Timeline([folder])
    found = ticks_between(timeline, 8, 14)
    assert found[:3] == [8, 9, 10]
    assert found == list(range(8, 8 + len(found)))


def test_nothing_to_look_at_is_said(tmp_path):
    empty = write(tmp_path / "recording-1.mcap", [])
    with pytest.raises(DatasetError, match="expected records, found none"):
        Timeline([empty])
    (tmp_path / "text.mcap").write_text("this is no recording, however long it goes on and on")
    with pytest.raises(DatasetError, match="no readable MCAP"):
        Timeline([tmp_path / "text.mcap"])
