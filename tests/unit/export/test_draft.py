"""A folder that appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.draft import draft_of
from vgf_robot.errors import ExportError


def test_the_folder_is_there_only_at_the_end_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "made" / "on" / "the" / "way"
    with draft_of(out) as draft:
        (draft / "graph").write_text("whole")
        assert not out.exists()
        assert draft.parent.parent == out.parent  # beside it, so that moving is renaming
    assert [path.name for path in out.parent.iterdir()] == ["way"]
    assert [path.name for path in out.iterdir()] == ["graph"]


def test_others_may_read_it_as_any_folder(tmp_path: Path) -> None:
    (tmp_path / "any").mkdir()
    with draft_of(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with draft_of(tmp_path / "out") as draft:
            (draft / "graph").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for taken in ("file", "folder"):
        with pytest.raises(ExportError, match=f"{taken} exists already"), draft_of(tmp_path / taken):
            pytest.fail("the place was given away")
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
