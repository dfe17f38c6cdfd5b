from pathlib import Path

import numpy as np
import pytest

from sim.collect.archive import read_arrays, read_dataset
from sim.collect.environments import make_environment
from sim.collect.labels import LABELLED_KEYS, label, label_dataset
from sim.collect.names import Split, TaskName, parse_dataset, parse_task
from sim.collect.summary import describe
from sim.plants.spaces import quiet_spaces
from vgf_robot.errors import DatasetError

PAIRS = [
    ("cube-single-play-v0", "default"),
    ("cube-single-play-v0", "4"),
    ("pointmaze-medium-navigate-v0", "default"),
    ("pointmaze-medium-navigate-v0", "4"),
    ("scene-noisy-v0", "1"),
    ("puzzle-3x3-play-v0", "default"),
]


@pytest.mark.parametrize(("name", "number"), PAIRS)
def test_labels_are_ogbenchs_own(collected, tmp_path, name, number, monkeypatch):
    from ogbench.utils import make_env_and_datasets

    dataset = parse_dataset(name)
    task = parse_task(number, dataset)
    environment = make_environment(str(task))
    monkeypatch.setattr("sim.collect.labels.make_environment", lambda environment_id: environment)
    paths = label_dataset(dataset, task, collected, tmp_path)
    ogbenchs_name = paths[0].stem
    with quiet_spaces():
        splits = make_env_and_datasets(
            ogbenchs_name,
            dataset_path=str(collected / dataset.file(Split.TRAIN)),
            dataset_only=True,
            cur_env=environment,
        )
    for path, expected in zip(paths, splits, strict=True):
        ours = read_arrays(path, LABELLED_KEYS)
        starts_transition = ~ours["terminals"]
        for key in ("observations", "actions", "rewards", "masks"):
            np.testing.assert_array_equal(ours[key][starts_transition], expected[key])
        following = np.flatnonzero(starts_transition) + 1
        np.testing.assert_array_equal(ours["observations"][following], expected["next_observations"])
        np.testing.assert_array_equal(ours["terminals"][following], expected["terminals"])


def test_a_labelled_file_holds_rows_and_no_simulator_state(collected, tmp_path, maze):
    train, _ = label_dataset(maze, TaskName(maze.environment, 1), collected, tmp_path)
    with np.load(train) as archive:
        assert archive.files == list(LABELLED_KEYS)
        dtypes = {key: archive[key].dtype.name for key in archive.files}
        rows = {len(archive[key]) for key in archive.files}
    assert rows == {600}
    assert dtypes == dict.fromkeys(LABELLED_KEYS, "float32") | {"terminals": "bool"}


def test_the_reward_of_a_row_is_that_of_the_state_it_leaves(maze):
    task = TaskName(maze.environment, 1)
    environment = make_environment(str(task))
    environment.reset()
    goal = np.array(environment.cur_goal_xy, np.float32)
    qpos = np.stack([goal + 5, goal + 5, goal, goal + 5])
    arrays = {"observations": qpos, "actions": qpos, "terminals": np.array([0, 0, 0, 1], bool), "qpos": qpos}
    labelled = label(arrays, task, environment, Path("here"))
    assert labelled["rewards"].tolist() == [-1, -1, 0, -1]
    assert labelled["masks"].tolist() == [1, 1, 0, 1]


def test_another_environment_is_refused_and_nothing_is_written(collected, tmp_path, cube):
    double = parse_dataset("cube-double-play-v0")
    for split in Split:
        (tmp_path / double.file(split)).write_bytes((collected / cube.file(split)).read_bytes())
    with pytest.raises(DatasetError, match=r"observations have 28 numbers, 'cube-double-singletask-v0' has 37"):
        label_dataset(double, TaskName("cube-double", 0), tmp_path, tmp_path / "labels")
    assert not (tmp_path / "labels").exists()


def test_a_point_is_not_taken_for_an_ant(collected, maze):
    arrays = read_dataset(collected / maze.file(Split.TRAIN), maze)
    task = TaskName("antmaze-medium", 0)
    environment = make_environment(str(task))
    with pytest.raises(DatasetError, match="here is of another environment: its observations have 2 numbers"):
        label(arrays, task, environment, Path("here"))


def test_the_summary_counts_transitions_and_successes(collected, tmp_path, maze):
    task = TaskName(maze.environment, 2)
    label_dataset(maze, task, collected, tmp_path)
    row = describe(tmp_path, maze, Split.TRAIN, task)
    labels = read_arrays(tmp_path / task.file(maze, Split.TRAIN), LABELLED_KEYS)
    assert (row["episodes"], row["steps"], row["transitions"]) == (3, 600, 597)
    assert row["success_steps"] == np.sum(labels["masks"] == 0)
    assert row["return_mean"] == pytest.approx(labels["rewards"][~labels["terminals"]].sum() / 3)
    assert row["reward_mean"] == pytest.approx(labels["rewards"][~labels["terminals"]].mean())
