"""Datasets: what is a transition, and what is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from policies import datasets
from policies.config import TrainConfig
from policies.datasets import d4rl, ogbench
from tests.runs import write_config, write_ogbench_file
from vgf_robot import config as yaml_config
from vgf_robot.errors import DatasetError


def test_ogbench_transitions_do_not_cross_episodes(tmp_path: Path) -> None:
    observations = np.arange(12, dtype=np.float32).reshape(6, 2)
    path = write_ogbench_file(
        tmp_path / "a.npz",
        observations=observations,
        actions=np.zeros((6, 2), np.float32),
        terminals=np.array([0, 0, 1, 0, 0, 1], bool),
        rewards=np.arange(6, dtype=np.float32),
        masks=np.array([1, 0, 1, 1, 1, 1], np.float32),
    )
    found = ogbench.load(path)
    assert found.rewards.tolist() == [0, 1, 3, 4]
    assert found.masks.tolist() == [1, 0, 1, 1]
    assert torch.equal(found.next_observations, torch.from_numpy(observations[[1, 2, 4, 5]]))
    assert found.num_episodes == 2


def write_d4rl_file(path: Path, **changes) -> Path:
    arrays = {
        "observations": np.arange(10, dtype=np.float32).reshape(5, 2),
        "actions": np.zeros((5, 2), np.float32),
        "rewards": np.arange(5, dtype=np.float32),
        "terminals": np.array([0, 1, 0, 0, 0], bool),
        "timeouts": np.array([0, 0, 0, 1, 0], bool),
        **changes,
    }
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            if value is not None:
                file[key] = value
    return path


def test_d4rl_terminals_end_the_task_and_timeouts_only_the_episode(tmp_path: Path) -> None:
    found = d4rl.load(write_d4rl_file(tmp_path / "a.hdf5"))
    assert found.rewards.tolist() == [0, 1, 2]  # row 3 times out, row 4 has no next state
    assert found.masks.tolist() == [1, 0, 1]
    assert found.next_observations[:, 0].tolist() == [2, 4, 6]
    assert found.num_episodes == 3


def test_d4rl_next_observations_are_taken_where_they_are_given(tmp_path: Path) -> None:
    following = np.full((5, 2), 7, np.float32)
    found = d4rl.load(write_d4rl_file(tmp_path / "a.hdf5", next_observations=following))
    assert len(found) == 5
    assert torch.equal(found.next_observations, torch.full((5, 2), 7.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rewards": None}, "lacks rewards"),
        ({"rewards": np.zeros(7, np.float32)}, "same number of rows; found .*rewards 7"),
        ({"observations": np.full((120, 4), np.nan, np.float32)}, "'observations' must be finite; row 0"),
        ({"terminals": np.zeros(120, bool)}, "the file is cut short"),
    ],
)
def test_ogbench_files_that_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        ogbench.load(write_ogbench_file(tmp_path / "a.npz", **changes))


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere.npz does not exist"):
        ogbench.load(tmp_path / "nowhere.npz")
    with pytest.raises(DatasetError, match=r"nowhere.hdf5 does not exist"):
        d4rl.load(tmp_path / "nowhere.hdf5")
    path = write_ogbench_file(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match=r"a\.npz cannot be read \(.*; copy or collect it again"):
        ogbench.load(path)
    path = write_d4rl_file(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match="not a readable HDF5 file"):
        d4rl.load(path)


def load_with(tmp_path: Path, **changes) -> datasets.Transitions:
    return datasets.load(yaml_config.load(write_config(tmp_path, **changes), TrainConfig))


def test_data_of_another_robot_is_refused(tmp_path: Path) -> None:
    task = {
        "environment": "Other-v0",
        "control_period_s": 0.05,
        "action_kind": "delta",
        "observation": [{"name": "position", "size": 9, "unit": "m"}],
        "action": [{"name": "change", "size": 2, "unit": "m", "low": -1.0, "high": 1.0}],
        "safe_action": [0.0, 0.0],
    }
    with pytest.raises(DatasetError, match="describes 9 observation and 2 action entries, the data has 4 and 2"):
        load_with(tmp_path, task=task)


def test_actions_outside_the_limits_are_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    actions = np.zeros((120, 2), np.float32)
    actions[3, 1] = 2.5
    write_ogbench_file(tmp_path / "data.npz", actions=actions)
    with pytest.raises(DatasetError, match="transition 3 has"):
        datasets.load(yaml_config.load(config, TrainConfig))


def test_rewards_are_scaled_and_then_shifted(tmp_path: Path) -> None:
    plain = load_with(tmp_path)
    data = {"path": str(tmp_path / "data.npz"), "layout": "ogbench", "reward_scale": 2.0, "reward_shift": -1.0}
    torch.testing.assert_close(load_with(tmp_path, data=data).rewards, plain.rewards * 2.0 - 1.0)
