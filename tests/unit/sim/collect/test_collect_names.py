import pytest

from sim.collect.environments import make_environment
from sim.collect.names import DatasetName, Split, TaskName, all_datasets, parse_dataset, parse_task
from vgf_robot.errors import ConfigError


def test_every_environment_and_task_is_registered_by_ogbench():
    import gymnasium
    import ogbench  # noqa: F401

    for name in all_datasets():
        assert name.environment_id in gymnasium.registry
        for number in range(6):
            assert str(TaskName(name.environment, number)) in gymnasium.registry


def test_names_are_ogbenchs():
    name = parse_dataset("puzzle-4x5-play-v0")
    assert name == DatasetName("puzzle-4x5", "play")
    assert name.environment_id == "puzzle-4x5-v0"
    assert name.file(Split.VALIDATION) == "puzzle-4x5-play-v0-val.npz"
    assert parse_task("3", name).file(name, Split.TRAIN) == "puzzle-4x5-play-singletask-task3-v0.npz"
    assert parse_task("default", name).file(name, Split.VALIDATION) == "puzzle-4x5-play-singletask-v0-val.npz"


@pytest.mark.parametrize("text", ["2", "cube-single-singletask-task2-v0"])
def test_a_task_is_a_number_or_an_id(text, cube):
    assert parse_task(text, cube) == TaskName("cube-single", 2)


def test_the_default_task_is_ogbenchs_own_choice(cube):
    assert str(parse_task("default", cube)) == "cube-single-singletask-v0"
    assert make_environment("cube-single-singletask-v0")._reward_task_id == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cube-singel-play-v0", "did you mean 'cube-single-play-v0'?"),
        ("cube-single-v0", "did you mean 'cube-single-play-v0'?"),
        ("cube-single-play-singletask-task2-v0", "--task"),
        ("visual-scene-play-v0", "expected a dataset of state vectors such as 'scene-play-v0'"),
        ("", "known are"),
    ],
)
def test_an_unknown_dataset_is_refused_with_advice(text, says):
    with pytest.raises(ConfigError) as refusal:
        parse_dataset(text)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("6", "expected default, 1 to 5 or an id"),
        ("0", "no task"),
        ("cube-single-singletask-task7-v0", "did you mean"),
        ("scene-singletask-v0", "of another environment, expected one of 'cube-single'"),
    ],
)
def test_an_unknown_task_is_refused_with_advice(text, says, cube):
    with pytest.raises(ConfigError) as refusal:
        parse_task(text, cube)
    assert says in str(refusal.value)
