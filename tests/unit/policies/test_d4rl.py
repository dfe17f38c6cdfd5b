"""D4RL's files, read the way its own reader pairs them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.datasets import d4rl
from vgf_robot.errors import DatasetError


def write_file(path: Path, **changes) -> Path:
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
        file["infos/qpos"] = np.zeros((5, 3))  # D4RL's files hold more than is read
    return path


def test_terminals_end_the_task_and_timeouts_only_the_episode(tmp_path: Path) -> None:
    found = d4rl.load(write_file(tmp_path / "a.hdf5"))
    assert found.rewards.tolist() == [0, 1, 2]  # row 3 times out, row 4 has no next state
    assert found.rows.tolist() == [0, 1, 2]
    assert found.masks.tolist() == [1, 0, 1]
    assert found.next_observations[:, 0].tolist() == [2, 4, 6]
    assert (found.num_episodes, found.num_timeouts) == (3, 1)
    assert found.episode_returns.tolist() == [1.0, 5.0]  # the third episode is not whole


def slowly(arrays: dict, max_episode_steps: int | None) -> list[tuple]:
    """Pair rows one by one, as D4RL's `qlearning_dataset` is documented to."""
    found, step = [], 0
    for row in range(len(arrays["rewards"]) - 1):
        last = arrays["timeouts"][row] if max_episode_steps is None else step == max_episode_steps - 1
        if last:
            step = 0
            continue
        terminal = bool(arrays["terminals"][row])
        step = 0 if terminal else step
        found.append((row, float(arrays["observations"][row + 1, 0]), terminal))
        step = step + 1 if not terminal else step
    return found


@given(seed=st.integers(0, 10_000), counted=st.booleans())
@settings(deadline=None, max_examples=40)
def test_pairs_are_those_of_a_slow_reader(tmp_path_factory: pytest.TempPathFactory, seed: int, counted: bool) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(4, 60))
    arrays = {
        "observations": generator.normal(size=(size, 2)).astype(np.float32),
        "actions": np.zeros((size, 1), np.float32),
        "rewards": generator.normal(size=size).astype(np.float32),
        "terminals": generator.random(size) < 0.1,
        "timeouts": generator.random(size) < 0.1,
    }
    limit = int(generator.integers(2, 9)) if counted else None
    expected = slowly(arrays, limit)
    if not expected:
        return
    path = tmp_path_factory.mktemp("d4rl") / "a.hdf5"
    changes = {**arrays, "timeouts": None} if counted else arrays
    found = d4rl.load(write_file(path, **changes), max_episode_steps=limit)
    assert found.rows.tolist() == [row for row, _, _ in expected]
    assert found.next_observations[:, 0].tolist() == [following for _, following, _ in expected]
    assert (found.masks == 0).tolist() == [terminal for _, _, terminal in expected]


def test_stored_next_observations_are_left_alone_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_file(tmp_path / "a.hdf5", next_observations=np.full((5, 2), 7, np.float32))
    assert len(d4rl.load(path)) == 3
    assert "its next_observations are left alone; `data.next_observations: stored` would" in capsys.readouterr().out
    found = d4rl.load(path, stored_next=True)
    assert capsys.readouterr().out == ""
    assert len(found) == 5
    assert torch.equal(found.next_observations, torch.full((5, 2), 7.0))


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"terminals": None}, {}, "lacks terminals; found actions, .*rewards, timeouts; expected"),
        ({}, {"stored_next": True}, "lacks next_observations"),
        ({"timeouts": None}, {}, "has no 'timeouts', so transitions would cross .* give `data.max_episode_steps`"),
        ({}, {"max_episode_steps": 1000}, "has 'timeouts'; leave `data.max_episode_steps` out"),
        ({"actions": np.zeros((4, 2), np.float32)}, {}, "same number of rows; found .*actions 4"),
        (
            {"actions": np.array([[0, 0], [0, 0], [0, np.inf], [0, 0], [0, 0]])},
            {},
            r"'actions' must be finite; entry 1 of row 2 is inf, as in 1 of \d+ rows",
        ),
        ({"observations": np.zeros((5, 2, 3))}, {}, r"'observations' must have 2 axes; found shape \(5, 2, 3\)"),
        ({"timeouts": np.ones(5, bool)}, {}, "no row has a next state"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(tmp_path: Path, changes: dict, options: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        d4rl.load(write_file(tmp_path / "a.hdf5", **changes), **options)


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere.hdf5 does not exist"):
        d4rl.load(tmp_path / "nowhere.hdf5")
    path = write_file(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match="not a readable HDF5 file"):
        d4rl.load(path)
