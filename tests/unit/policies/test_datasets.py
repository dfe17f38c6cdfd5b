"""Datasets: what is a transition, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from policies import datasets
from policies.config import TrainConfig
from policies.datasets import ogbench
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rewards": None}, "lacks rewards"),
        ({"rewards": np.zeros(7, np.float32)}, "same number of rows; found .*rewards 7"),
        (
            {"observations": np.full((120, 4), np.nan, np.float32)},
            "'observations' must be finite; entry 0 of row 0 is nan, as in 120 of 120 rows",
        ),
        ({"terminals": np.zeros(120, bool)}, "the file is cut short"),
        ({"rewards": np.full(120, "1")}, "'rewards' must be real numbers; found <U1"),
        ({"observations": np.zeros((120, 4), complex)}, "'observations' must be real numbers; found complex128"),
        ({"rewards": np.zeros((120, 1), np.float32)}, r"'rewards' must have 1 axes; found shape \(120, 1\)"),
        ({"actions": np.zeros(120, np.float32)}, r"'actions' must have 2 axes; found shape \(120,\)"),
    ],
)
def test_ogbench_files_that_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        ogbench.load(write_ogbench_file(tmp_path / "a.npz", **changes))


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere.npz does not exist"):
        ogbench.load(tmp_path / "nowhere.npz")
    path = write_ogbench_file(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match=r"a\.npz cannot be read \(.*; copy or collect it again"):
        ogbench.load(path)


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
    with pytest.raises(DatasetError, match=r"'actions' must be inside the limits; entry \d of row 3 is"):
        datasets.load(yaml_config.load(config, TrainConfig))


def test_rewards_are_scaled_and_then_shifted(tmp_path: Path) -> None:
    plain = load_with(tmp_path)
    data = {"path": str(tmp_path / "data.npz"), "layout": "ogbench", "reward_scale": 2.0, "reward_shift": -1.0}
    torch.testing.assert_close(load_with(tmp_path, data=data).rewards, plain.rewards * 2.0 - 1.0)


def rewards_with(tmp_path: Path, rewards: np.ndarray, **settings) -> torch.Tensor:
    config = write_config(tmp_path, data={"path": str(tmp_path / "data.npz"), "layout": "ogbench", **settings})
    write_ogbench_file(tmp_path / "data.npz", rewards=rewards.astype(np.float32))
    return datasets.load(yaml_config.load(config, TrainConfig)).rewards


def test_a_range_of_returns_becomes_a_thousand(tmp_path: Path) -> None:
    rewards = np.zeros(120)
    rewards[5], rewards[40] = 2.0, -3.0  # in the first and in the second of four episodes
    found = rewards_with(tmp_path, rewards, reward_rule="return-range", reward_scale=0.5)
    assert (float(found.max()), float(found.min())) == pytest.approx((200.0, -300.0))
    with pytest.raises(DatasetError, match="expects episodes of different returns, found 4 whole"):
        rewards_with(tmp_path, np.zeros(120), reward_rule="return-range")


def test_goal_rewards_are_shifted_below_zero_and_must_be_goal_rewards(tmp_path: Path) -> None:
    rewards = np.zeros(120)
    rewards[7] = 1.0
    found = rewards_with(tmp_path, rewards, reward_rule="goal-shift")
    assert sorted(set(found.tolist())) == [-1.0, 0.0]
    assert float(found[7]) == 0.0
    rewards[40] = 0.5
    with pytest.raises(DatasetError, match=r"'rewards' of 0 and 1 alone; row 40 holds 0.5"):
        rewards_with(tmp_path, rewards, reward_rule="goal-shift")


def test_facts_and_sentences_say_what_there_is(tmp_path: Path) -> None:
    rewards = np.zeros(120, np.float32)
    rewards[:3] = (2.0, -1.0, -1.0)
    masks = np.ones(120, np.float32)
    masks[10] = 0.0
    found = ogbench.load(write_ogbench_file(tmp_path / "a.npz", rewards=rewards, masks=masks))
    facts = found.facts()
    assert facts["rewards_by_sign"] == {"negative": 2, "zero": 113, "positive": 1}
    assert (facts["task_ends"], facts["timeouts"], facts["episodes"]) == (1, 4, 4)
    assert (facts["observation_shape"], facts["action_shape"]) == ([116, 4], [116, 2])
    text = " ".join(found.sentences())
    assert "116 transitions of 4 episodes: 1 end the task, 4 are cut off." in text
    assert "2 negative, 113 zero, 1 positive" in text
    assert "Returns as recorded 0 to 0" in text
