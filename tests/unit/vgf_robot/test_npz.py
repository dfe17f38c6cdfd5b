"""Npz files, whole and damaged."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vgf_robot.errors import DatasetError
from vgf_robot.npz import read_arrays

ADVICE = "fetch it anew."
ARRAYS = {"states": np.arange(12, dtype=np.float32).reshape(6, 2), "ends": np.array([0, 0, 1, 0, 0, 1], bool)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **ARRAYS)
    return path


def rewrite_entry(path: Path, name: str, change) -> None:
    """Change the bytes of one array, under a checksum that holds."""
    with zipfile.ZipFile(path) as archive:
        entries = {each: archive.read(each) for each in archive.namelist()}
    entries[name] = change(entries[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in entries.items():
            archive.writestr(each, content)


def test_all_arrays_come_back_as_they_were_written(path: Path) -> None:
    found = read_arrays(path, ADVICE)
    assert list(found) == list(ARRAYS)
    for key, array in ARRAYS.items():
        assert found[key].dtype == array.dtype
        np.testing.assert_array_equal(found[key], array)


def test_of_the_keys_asked_for_those_that_are_there_come_back(path: Path) -> None:
    assert list(read_arrays(path, ADVICE, ["ends", "rewards"])) == ["ends"]


def test_an_array_that_is_not_asked_for_may_be_damaged(path: Path) -> None:
    rewrite_entry(path, "states.npy", lambda content: content[:20])
    assert list(read_arrays(path, ADVICE, ["ends"])) == ["ends"]
    with pytest.raises(DatasetError, match="cannot be read"):
        read_arrays(path, ADVICE)


def test_the_refusal_is_one_line_with_the_file_and_what_to_do(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        DatasetError, match=r"data\.npz cannot be read \(.+\), expected a whole npz file; fetch it"
    ) as e:
        read_arrays(path, ADVICE)
    assert "\n" not in str(e.value)


def test_what_is_no_archive_is_refused(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, ARRAYS["states"])
    for wrong in (path, path.parent, path.parent / "missing.npz"):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_arrays(wrong, ADVICE)


def test_pickled_objects_are_not_opened(path: Path) -> None:
    np.savez(path, states=np.array([{}] * 6, object))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_arrays(path, ADVICE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<f4", b"<,4"),
        (b"(6, 2)", b"(6, 2 "),
        (b"descr", b"desc\xff"),
        (b"False", b"Fals("),
        (b"(6, 2), }" + b" " * 20, b"(99999999999999999999, 2), }".ljust(29)),
        (b"(6, 2), }" + b" " * 20, b"(9999999999999, 2), }".ljust(29)),
        (b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
    ],
)
def test_a_damaged_header_is_a_sentence_even_where_the_checksum_holds(path: Path, old: bytes, new: bytes) -> None:
    def damage(content: bytes) -> bytes:
        assert old in content
        assert len(old) == len(new)
        return content.replace(old, new, 1)

    rewrite_entry(path, "states.npy", damage)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_arrays(path, ADVICE)


@pytest.mark.filterwarnings("ignore")  # Python and NumPy wonder aloud at some headers before they give up
@pytest.mark.parametrize("seed", range(4))
def test_damage_at_random_never_escapes_as_a_traceback(path: Path, seed: int) -> None:
    whole = path.read_bytes()
    generator = random.Random(seed)
    refused = 0
    for trial in range(100):
        damaged = bytearray(whole)
        if trial % 2:
            damaged = damaged[: generator.randrange(len(damaged))]
        else:
            for _ in range(4):
                damaged[generator.randrange(len(damaged))] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_arrays(path, ADVICE)
        except DatasetError:
            refused += 1
    assert refused > 90


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
def test_a_header_damaged_at_random_never_escapes_as_a_traceback(path: Path, seed: int) -> None:
    with zipfile.ZipFile(path) as archive:
        whole = archive.read("states.npy")
    generator = random.Random(seed)
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[generator.randrange(80)] = generator.choice(b"0123456789-(),<>fibOUSVm' {}:\x00\xff")
        rewrite_entry(path, "states.npy", lambda _content, damaged=damaged: bytes(damaged))
        try:
            read_arrays(path, ADVICE)
        except DatasetError:
            refused += 1
    assert refused > 50
