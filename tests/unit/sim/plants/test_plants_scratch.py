"""Environments that forget their temporary files leave none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sim.plants import open_plant
from sim.plants.scratch import forgotten_files_removed

DESCRIPTORS = Path("/proc/self/fd")


def open_files(folder: Path) -> list[str]:
    """Return the files below a folder, removed or not, that this process has open."""
    found = []
    for descriptor in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:  # of the listing itself
            continue
    return [name for name in found if name.startswith(str(folder))]


@pytest.mark.parametrize("name", ["AntMaze_UMaze-v5", "pointmaze-medium-singletask-v0"])
def test_a_maze_leaves_no_files_behind(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plant = open_plant(name)
    assert tempfile.gettempdir() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == []
    plant.reset(0)
    plant.apply(plant.action_high)
    plant.close()


def test_the_folder_goes_and_the_old_place_comes_back_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (tmp_path / "ours").open("w") as ours:
        with pytest.raises(ZeroDivisionError), forgotten_files_removed():
            print(tempfile.mkstemp()[0] / 0)
        ours.write("still open")
    assert [path.name for path in tmp_path.iterdir()] == ["ours"]
    assert tempfile.gettempdir() == str(tmp_path)
    assert open_files(tmp_path) == []
