import math

import pytest

from sim.collect.names import all_datasets, parse_dataset
from sim.collect.settings import Asked, difference, official_protocol, resolve
from vgf_robot.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "episodes", "steps", "noise", "random"),
    [
        ("cube-single-play-v0", 1000, 1001, 0.1, 0.0),
        ("cube-single-noisy-v0", 1000, 1001, 0.1, 0.1),
        ("cube-triple-play-v0", 3000, 1001, 0.1, 0.0),
        ("puzzle-4x6-noisy-v0", 5000, 1001, 0.1, 0.2),
        ("scene-play-v0", 1000, 1001, 0.1, 0.0),
        ("pointmaze-medium-navigate-v0", 1000, 1001, 0.5, 0.0),
        ("pointmaze-giant-navigate-v0", 500, 2001, 0.5, 0.0),
        ("pointmaze-giant-stitch-v0", 5000, 201, 0.5, 0.0),
    ],
)
def test_the_numbers_are_those_of_the_official_datasets(name, episodes, steps, noise, random):
    protocol = official_protocol(parse_dataset(name))
    found = (protocol.episodes, protocol.episode_steps, protocol.noise, protocol.random_action_probability)
    assert found == (episodes, steps, noise, random)


def test_a_dataset_of_a_trained_expert_is_refused_with_a_way_out():
    trained = [name for name in all_datasets() if not (name.is_manipulation or name.is_pointmaze)]
    assert trained
    for name in trained:
        with pytest.raises(ConfigError, match="--official"):
            official_protocol(name)


def test_what_is_asked_wins_over_what_was_found_over_the_protocol(cube):
    found = resolve(cube, Asked(seed=3, episodes=20))
    settings = resolve(cube, Asked(noise=0.2), found)
    assert (settings.seed, settings.episodes, settings.noise, settings.episode_steps) == (3, 20, 0.2, 1001)
    assert difference(found, settings) == "noise 0.1, asked for 0.2"
    assert difference(found, settings, ignore=("noise",)) is None


@pytest.mark.parametrize(("episodes", "validation"), [(1, 1), (9, 1), (10, 1), (1000, 100)])
def test_a_tenth_is_for_validation(cube, episodes, validation):
    assert resolve(cube, Asked(episodes=episodes)).validation_episodes == validation


@pytest.mark.parametrize(
    "asked", [{"seed": -1}, {"episodes": 0}, {"episode_steps": 1}, {"noise": -0.1}, {"noise": math.nan}]
)
def test_a_number_out_of_range_is_refused(cube, asked):
    with pytest.raises(ConfigError, match=r"expected .* or more"):
        resolve(cube, Asked(**asked))
