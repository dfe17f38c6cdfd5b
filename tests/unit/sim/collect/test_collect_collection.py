import numpy as np
import pytest

from sim.collect import collection as collection_module
from sim.collect.archive import read_arrays
from sim.collect.collection import collect
from sim.collect.episodes import EpisodeKey
from sim.collect.names import Split, parse_dataset
from sim.collect.parts import Parts
from sim.collect.settings import Asked
from vgf_robot.errors import ConfigError, DatasetError

ASKED = {"episodes": 3, "episode_steps": 20}


def test_a_collection_leaves_two_files_and_its_settings(tmp_path, maze):
    done = collect(maze, tmp_path, Asked(**ASKED), num_workers=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "pointmaze-medium-navigate-v0-val.npz",
        "pointmaze-medium-navigate-v0.npz",
        "pointmaze-medium-navigate-v0.yaml",
    ]
    train = read_arrays(tmp_path / maze.file(Split.TRAIN), ["observations", "terminals"])
    assert train["observations"].shape == (60, 2)
    assert np.flatnonzero(train["terminals"]).tolist() == [19, 39, 59]
    assert len(read_arrays(tmp_path / maze.file(Split.VALIDATION), ["actions"])["actions"]) == 20
    assert (done.episodes_made, done.episodes_redone) == (4, 0)


def test_ogbench_reads_the_files(collected, cube):
    from ogbench.utils import load_dataset

    dataset = load_dataset(collected / cube.file(Split.TRAIN), add_info=True)
    assert dataset["next_observations"].shape == (2 * 59, 28)
    assert dataset["qpos"].shape == (2 * 59, 21)


def test_an_interrupted_collection_goes_on_to_the_same_bytes(tmp_path, maze, monkeypatch, capsys):
    collect(maze, tmp_path / "whole", Asked(**ASKED), num_workers=1)
    make = collection_module.make_episodes

    def interrupted(settings, parts, keys, num_workers):
        yield from make(settings, parts, keys[:2], num_workers)
        raise KeyboardInterrupt

    monkeypatch.setattr(collection_module, "make_episodes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        collect(maze, tmp_path / "broken", Asked(**ASKED), num_workers=1)
    assert "2 of 4 episodes are kept" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "broken").iterdir()] == [f".{maze}.parts"]

    monkeypatch.setattr(collection_module, "make_episodes", make)
    assert collect(maze, tmp_path / "broken", Asked(), num_workers=1).episodes_made == 2
    for split in Split:
        whole, broken = (tmp_path / name / maze.file(split) for name in ("whole", "broken"))
        assert whole.read_bytes() == broken.read_bytes()


def test_a_longer_collection_begins_with_a_shorter_one(tmp_path, maze):
    collect(maze, tmp_path / "short", Asked(**ASKED), num_workers=1)
    collect(maze, tmp_path / "long", Asked(**{**ASKED, "episodes": 4}), num_workers=1)
    short, long = (read_arrays(tmp_path / folder / maze.file(Split.TRAIN), ["actions"]) for folder in ("short", "long"))
    np.testing.assert_array_equal(short["actions"], long["actions"][:60])


@pytest.mark.parametrize("other", [{"seed": 1}, {"noise": 0.4}, {"episode_steps": 21}])
def test_going_on_with_other_settings_is_refused(tmp_path, maze, other, monkeypatch):
    monkeypatch.setattr(collection_module, "make_episodes", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        collect(maze, tmp_path, Asked(**ASKED), num_workers=1)
    with pytest.raises(ConfigError, match=r"made with .*, asked for .*; repeat the first command"):
        collect(maze, tmp_path, Asked(**{**ASKED, **other}), num_workers=1)


def test_going_on_with_another_version_of_the_oracles_is_refused(tmp_path, maze, monkeypatch):
    monkeypatch.setattr(collection_module, "make_episodes", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        collect(maze, tmp_path, Asked(**ASKED), num_workers=1)
    monkeypatch.setattr("sim.collect.settings.version", lambda package: "0.0")
    with pytest.raises(ConfigError, match=r"ogbench .*, asked for 0\.0"):
        collect(maze, tmp_path, Asked(**ASKED), num_workers=1)


def test_a_finished_dataset_is_used_as_it_is(collected, cube, monkeypatch):
    monkeypatch.setattr("sim.collect.settings.version", lambda package: "0.0")
    assert collect(cube, collected, Asked(), num_workers=1).episodes_made == 0
    assert collect(cube, collected, Asked(episodes=2), num_workers=1).settings.ogbench != "0.0"
    with pytest.raises(ConfigError, match="was made with episodes 2, asked for 3"):
        collect(cube, collected, Asked(episodes=3), num_workers=1)


def test_a_dataset_from_elsewhere_takes_no_settings(tmp_path, maze):
    for split in Split:
        (tmp_path / maze.file(split)).touch()
    assert collect(maze, tmp_path, Asked(), num_workers=1).settings is None
    with pytest.raises(ConfigError, match="not made here, so --seed cannot apply"):
        collect(maze, tmp_path, Asked(seed=1), num_workers=1)


def test_half_a_dataset_is_refused(tmp_path, maze):
    (tmp_path / maze.file(Split.TRAIN)).touch()
    with pytest.raises(DatasetError, match=r"without pointmaze-medium-navigate-v0-val\.npz"):
        collect(maze, tmp_path, Asked(), num_workers=1)


def test_a_damaged_part_is_named(tmp_path, maze, monkeypatch):
    parts = Parts.beside(tmp_path, maze)
    monkeypatch.setattr(parts.__class__, "remove", lambda self: None)
    collect(maze, tmp_path, Asked(**ASKED), num_workers=1)
    part = parts.folder / "train-00001.npz"
    part.write_bytes(part.read_bytes()[:200])
    assert parts.has(EpisodeKey(Split.TRAIN, 1))
    with pytest.raises(DatasetError, match=r"train-00001\.npz .* Remove that one file"):
        collect(maze, tmp_path, Asked(**ASKED), num_workers=1)


def test_a_dataset_that_needs_a_trained_expert_is_labelled_but_not_collected(tmp_path):
    with pytest.raises(ConfigError, match="trained expert"):
        collect(parse_dataset("antmaze-large-navigate-v0"), tmp_path, Asked(), num_workers=1)
    assert list(tmp_path.iterdir()) == []


def _interrupt(settings, parts, keys, num_workers):
    raise KeyboardInterrupt
    yield
