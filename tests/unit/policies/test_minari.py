"""Minari folders: episodes to transitions, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

from policies import datasets
from policies.config import TrainConfig, validate
from policies.datasets import minari
from tests.runs import write_config
from vgf_robot import config as yaml_config
from vgf_robot.errors import DatasetError, MachineError

BOX = spaces.Box(-np.inf, np.inf, (4,), np.float32)
PARTS = spaces.Dict({"position": BOX, "goal": spaces.Box(-1, 1, (2,), np.float32)})
LENGTHS = (3, 5)


def episode(number: int, length: int, terminated: bool, *, parts: bool = False) -> EpisodeBuffer:
    generator = np.random.default_rng(number)
    observations = generator.normal(size=(length + 1, 4)).astype(np.float32)
    goals = generator.uniform(-1, 1, (length + 1, 2)).astype(np.float32)
    ends = np.arange(length) == length - 1
    return EpisodeBuffer(
        id=number,
        observations={"position": observations, "goal": goals} if parts else observations,
        actions=generator.uniform(-1, 1, (length, 2)).astype(np.float32),
        rewards=np.arange(length, dtype=np.float64) + number,
        terminations=ends & terminated,
        truncations=ends & (not terminated),
        infos={},
    )


def write_dataset(folder: Path, *, parts: bool = False, actions: spaces.Space | None = None) -> Path:
    """Write two episodes the way the package does: the first ends the task, the second is cut off."""
    folder.mkdir()
    action_space = actions or spaces.Box(-1, 1, (2,), np.float32)
    storage = MinariStorage.new(folder / "data", PARTS if parts else BOX, action_space)
    storage.update_metadata({"dataset_id": "test/small-v0", "minari_version": "0.5.4"})
    storage.update_episodes(
        [episode(number, length, number == 0, parts=parts) for number, length in enumerate(LENGTHS)]
    )
    return folder


def test_episodes_of_other_sizes_or_axes_are_refused(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "a")
    change(folder, "observations", np.zeros((6, 5), np.float32))
    with pytest.raises(DatasetError, match=r"'observations' must have the same size in all episodes; found \[4, 5\]"):
        minari.load(folder)
    folder = write_dataset(tmp_path / "b")
    change(folder, "rewards", np.zeros((5, 1)))
    with pytest.raises(DatasetError, match=r"'rewards' must have 1 axes; found shape \(5, 1\)"):
        minari.load(folder)


def change(folder: Path, key: str, value: np.ndarray) -> None:
    """Replace one array of the second episode."""
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        del file[f"episode_1/{key}"]
        file[f"episode_1/{key}"] = value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "small-v0")


@pytest.mark.parametrize("inside", ["", "data"])
def test_episodes_become_transitions_that_do_not_cross_them(folder: Path, inside: str) -> None:
    found = minari.load(folder / inside)
    first, second = (episode(number, length, False) for number, length in enumerate(LENGTHS))
    expected = np.concatenate([first.observations[:-1], second.observations[:-1]])
    following = np.concatenate([first.observations[1:], second.observations[1:]])
    np.testing.assert_array_equal(found.observations.numpy(), expected)
    np.testing.assert_array_equal(found.next_observations.numpy(), following)
    np.testing.assert_array_equal(found.actions.numpy(), np.concatenate([first.actions, second.actions]))
    assert found.rewards.tolist() == [0, 1, 2, 1, 2, 3, 4, 5]
    assert found.masks.tolist() == [1, 1, 0, 1, 1, 1, 1, 1]
    assert (found.num_episodes, found.num_timeouts) == (2, 1)
    assert found.episode_returns.tolist() == [3.0, 15.0]


def test_parts_of_a_dictionary_stand_in_the_order_given(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "small-v0", parts=True)
    found = minari.load(folder, observation_keys=("goal", "position"))
    raw = episode(0, 3, True, parts=True).observations
    np.testing.assert_array_equal(
        found.observations[:3].numpy(), np.concatenate([raw["goal"], raw["position"]], axis=1)[:-1]
    )
    for keys, stated in (((), "none"), (("goal", "velocity"), "'velocity'")):
        with pytest.raises(DatasetError, match=f"must name parts of goal, position; found {stated}"):
            minari.load(folder, observation_keys=keys)


def test_a_run_reads_it(folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, data={"path": str(folder), "layout": "minari"})
    assert len(datasets.load(validate(yaml_config.load(config, TrainConfig)))) == sum(LENGTHS)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("observations", np.zeros((5, 4), np.float32), "'observations' must have 6 rows for 5 rewards; found 5"),
        ("actions", np.zeros((4, 2), np.float32), "'actions' must have 5 rows for 5 rewards; found 4"),
        ("truncations", np.zeros(7, bool), "'truncations' must have 5 rows for 5 rewards; found 7"),
        (
            "rewards",
            np.array([0, 1, np.nan, 3, 4]),
            "'rewards' must be finite; entry 0 of row 2 is nan, as in 1 of 5 rows",
        ),
        ("actions", np.eye(5, 2) * 1.5, r"row 0 holds \[1.5, 0.0\]"),
    ],
)
def test_episodes_that_cannot_be_learnt_from_are_named(folder: Path, key: str, value: np.ndarray, message: str) -> None:
    change(folder, key, value)
    with pytest.raises(DatasetError, match=f"small-v0, episode 1: .*{message}"):
        minari.load(folder)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where Minari keeps its datasets, with one in it."""
    (tmp_path / "store" / "test").mkdir(parents=True)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "store" / "test" / "small-v0")
    return tmp_path / "store"


def test_an_id_is_looked_up_among_the_local_datasets(store: Path) -> None:
    assert len(minari.load(Path("test/small-v0"))) == sum(LENGTHS)
    assert len(minari.load(store / "test" / "small-v0")) == sum(LENGTHS)


def test_a_folder_here_goes_before_an_id(store: Path) -> None:
    here = store.parent / "test"
    here.mkdir()
    change(write_dataset(here / "small-v0"), "rewards", np.zeros((5, 1)))
    with pytest.raises(DatasetError, match="must have 1 axes"):
        minari.load(Path("test/small-v0"))


def test_an_id_that_is_not_here_says_what_is_and_how_to_get_it(store: Path) -> None:
    with pytest.raises(DatasetError, match=r"mean 'test/small-v0'\? Get it with `minari download test/smal-v0`"):
        minari.load(Path("test/smal-v0"))
    shutil.rmtree(store / "test")
    with pytest.raises(DatasetError, match=f"{store}; there is none at all"):
        minari.load(Path("mujoco/hopper/medium-v0"))
    with pytest.raises(DatasetError, match="nowhere is no Minari dataset"):
        minari.load(Path("nowhere"))


def test_folders_that_are_no_dataset(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere is no Minari dataset: it has no metadata.json"):
        minari.load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="observations are no dictionaries"):
        minari.load(folder, observation_keys=("goal",))
    (folder / "data" / "main_data.hdf5").write_bytes(b"not HDF5")
    with pytest.raises(DatasetError, match="cannot be read as a Minari dataset"):
        minari.load(folder)
    (folder / "data" / "metadata.json").write_text("{")
    with pytest.raises(DatasetError, match="is no JSON"):
        minari.load(folder)


def test_spaces_must_be_in_the_file_as_no_environment_is_built(folder: Path) -> None:
    metadata = json.loads((folder / "data" / "metadata.json").read_text())
    del metadata["action_space"]
    (folder / "data" / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(DatasetError, match="lacks action_space"):
        minari.load(folder)


def test_actions_that_are_no_box_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected actions in a box of one axis, found Discrete\(4\)"):
        minari.load(write_dataset(tmp_path / "small-v0", actions=spaces.Discrete(4)))


def test_a_missing_package_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(MachineError, match=r"pip install 'vgf-robot\[train\]'"):
        minari.load(folder)
