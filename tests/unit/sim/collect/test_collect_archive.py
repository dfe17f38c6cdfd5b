import random
import zipfile

import numpy as np
import pytest

from sim.collect.archive import read_dataset, write_archive
from sim.collect.names import Split, parse_dataset
from vgf_robot.errors import DatasetError

ROWS = {
    "observations": np.zeros((6, 28), np.float32),
    "actions": np.zeros((6, 5), np.float32),
    "terminals": np.array([0, 0, 1, 0, 0, 1], bool),
    "qpos": np.zeros((6, 21), np.float32),
    "qvel": np.zeros((6, 20), np.float32),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cube-single-play-v0.npz"


def test_chunks_come_back_as_one_array(path):
    blocks = [np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((1, 2), np.float32), np.zeros((2, 2), np.float32)]
    write_archive(path, ["a", "b"], 6, lambda key: blocks)
    with np.load(path) as archive:
        assert archive.files == ["a", "b"]
        np.testing.assert_array_equal(archive["b"], np.concatenate(blocks))


def test_a_failed_write_leaves_what_was_there(path):
    path.write_text("before")

    def failing(key):
        yield np.zeros((1, 2))
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_archive(path, ["a"], 6, failing)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "before"


def test_a_whole_dataset_is_read(path, cube):
    np.savez(path, **ROWS)
    assert {key: array.dtype.name for key, array in read_dataset(path, cube).items()} == {
        "observations": "float32", "actions": "float32", "terminals": "bool", "qpos": "float32", "qvel": "float32",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"qpos": None}, "has no 'qpos'"),
        ({"actions": np.zeros((5, 5))}, "'actions' has 5 rows, expected 6"),
        ({"observations": np.zeros(6)}, "expected 2-dimensional"),
        ({"observations": np.full((6, 28), "x")}, "expected 2-dimensional numbers"),
        ({"qvel": np.full((6, 20), np.nan)}, "NaN or infinity"),
        ({"terminals": np.zeros(6, bool)}, "does not end with a terminal row"),
        ({key: array[:0] for key, array in ROWS.items()}, "0 rows, expected some"),
        ({"qpos": np.array([{}] * 6, object)}, "cannot be read"),
    ],
)
def test_a_wrong_dataset_is_refused_in_a_sentence(path, cube, change, says):
    np.savez(path, **{key: array for key, array in {**ROWS, **change}.items() if array is not None})
    with pytest.raises(DatasetError) as refusal:
        read_dataset(path, cube)
    assert says in str(refusal.value)


def test_buttons_are_needed_where_there_are_buttons(path):
    np.savez(path, **ROWS)
    with pytest.raises(DatasetError, match="has no 'button_states'"):
        read_dataset(path, parse_dataset("scene-play-v0"))


def test_a_missing_file_and_a_plain_array_are_refused(path, cube):
    with pytest.raises(DatasetError, match="does not exist"):
        read_dataset(path, cube)
    with path.open("wb") as file:
        np.save(file, ROWS["qpos"])
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(path, cube)


def test_truncated_and_overwritten_bytes_never_escape_as_tracebacks(path, cube, collected):
    whole = (collected / cube.file(Split.VALIDATION)).read_bytes()
    generator = random.Random(0)
    refused = 0
    for trial in range(150):
        damaged = bytearray(whole)
        if trial % 2:
            damaged = damaged[: generator.randrange(len(damaged))]
        else:
            for _ in range(4):
                damaged[generator.randrange(len(damaged))] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_dataset(path, cube)
        except DatasetError:
            refused += 1
    assert refused > 140


@pytest.mark.parametrize(("old", "new"), [(b"<f4", b"<,4"), (b"(6, 28)", b"(6, 28 "), (b"descr", b"desc\xff")])
def test_a_damaged_header_is_a_sentence_even_where_the_checksum_holds(path, cube, old, new):
    np.savez(path, **ROWS)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["observations.npy"] = entries["observations.npy"].replace(old, new, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(path, cube)
