import numpy as np
import pytest

from sim.collect import episodes as episodes_module
from sim.collect.episodes import EpisodeKey, EpisodeMaker, attempt_seeds
from sim.collect.manipulation import cube_in_reach
from sim.collect.names import Split, parse_dataset
from sim.collect.pointmaze import cells_at_distance, free_cells, is_hallway
from sim.collect.settings import Asked, resolve
from vgf_robot.errors import MachineError

FIRST, SECOND = EpisodeKey(Split.TRAIN, 0), EpisodeKey(Split.TRAIN, 1)
SIZES = {  # observations, actions, qpos, qvel, button_states
    "cube-single-play-v0": (28, 5, 21, 20, None),
    "scene-noisy-v0": (40, 5, 25, 24, 2),
    "puzzle-3x3-play-v0": (55, 5, 23, 23, 9),
    "pointmaze-medium-navigate-v0": (2, 2, 2, 2, None),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_dataset_has_ogbenchs_keys_types_and_sizes(name, collected):
    with np.load(collected / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    sizes = dict(zip(("observations", "actions", "qpos", "qvel", "button_states"), SIZES[name], strict=True))
    assert {key: array.shape[1] for key, array in arrays.items() if key != "terminals"} == {
        key: size for key, size in sizes.items() if size is not None
    }
    assert arrays["terminals"].dtype == bool
    assert all(arrays[key].dtype == np.float32 for key in ("observations", "actions", "qpos", "qvel"))
    assert "button_states" not in arrays or arrays["button_states"].dtype == np.int64
    assert np.abs(arrays["actions"]).max() <= 1


def test_qpos_and_observation_of_a_row_are_of_one_instant(collected):
    with np.load(collected / "cube-single-play-v0.npz") as archive:
        np.testing.assert_array_equal(archive["observations"][:, :6], archive["qpos"][:, :6])  # the arm's joints


def test_actions_move_the_point(maze):
    episode, _ = EpisodeMaker(resolve(maze, Asked(episode_steps=100))).make(FIRST)
    moved = np.diff(episode["observations"], axis=0)
    aligned = np.sum(np.isclose(moved, 0.2 * episode["actions"][:-1], atol=1e-4))
    assert aligned > 0.7 * moved.size  # walls hold the rest back


def test_navigating_reaches_many_goals_and_stitching_stays(maze):
    navigate, _ = EpisodeMaker(resolve(maze, Asked(episode_steps=600))).make(FIRST)
    stitch, _ = EpisodeMaker(resolve(parse_dataset("pointmaze-medium-stitch-v0"), Asked(episode_steps=600))).make(FIRST)
    assert np.ptp(navigate["qpos"][-300:], axis=0).max() > 4.0
    assert np.ptp(stitch["qpos"][-300:], axis=0).max() < 4.0


@pytest.mark.parametrize("name", ["scene-noisy-v0", "pointmaze-teleport-navigate-v0"])
def test_an_episode_depends_on_seed_and_index_alone(name):
    settings = resolve(parse_dataset(name), Asked(episode_steps=40))
    maker = EpisodeMaker(settings)
    first, second = maker.make(FIRST)[0], maker.make(SECOND)[0]
    np.random.seed(7)
    again = EpisodeMaker(settings).make(SECOND)[0]
    assert all(np.array_equal(second[key], again[key]) for key in second)
    assert not np.array_equal(first["actions"], second["actions"])


def test_the_global_generator_is_given_back(maze):
    np.random.seed(11)
    expected = np.random.rand()
    np.random.seed(11)
    EpisodeMaker(resolve(maze, Asked(episode_steps=5))).make(FIRST)
    assert np.random.rand() == expected


def test_all_seeds_differ():
    keys = [EpisodeKey(split, index) for split in Split for index in range(20)]
    seeds = [
        seed for root in (0, 1) for key in keys for attempt in (0, 1) for seed in attempt_seeds(root, key, attempt)
    ]
    assert len(set(seeds)) == len(seeds)


def test_a_cube_out_of_reach_is_found():
    qpos = np.zeros((3, 25))
    qpos[:, 16] = 0.02
    assert cube_in_reach(qpos)
    in_drawer, left, right = qpos.copy(), qpos.copy(), qpos.copy()
    in_drawer[1, 15:17] = -0.35, 0.066
    left[1, 15] = -0.31
    right[2, 15] = 0.3
    assert cube_in_reach(in_drawer)
    assert not cube_in_reach(left)
    assert not cube_in_reach(right)


def test_a_scene_episode_whose_cube_left_is_redone_with_another_seed(monkeypatch):
    verdicts = iter([False, False, True])
    monkeypatch.setattr("sim.collect.manipulation.cube_in_reach", lambda qpos: next(verdicts))
    episode, redone = EpisodeMaker(resolve(parse_dataset("scene-play-v0"), Asked(episode_steps=5))).make(FIRST)
    assert redone == 2
    assert len(episode["actions"]) == 5


def test_a_hopeless_seed_ends_in_a_sentence(monkeypatch):
    class Hopeless:
        def episode(self, seed):
            return None

    monkeypatch.setattr(episodes_module, "_collector", lambda name, settings: Hopeless())
    with pytest.raises(MachineError, match="try another --seed"):
        EpisodeMaker(resolve(parse_dataset("scene-play-v0"), Asked(episode_steps=5))).make(FIRST)


def test_cells_of_a_maze():
    maze = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 1, 1, 0, 1], [1, 1, 1, 1, 1]])
    assert free_cells(maze) == [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]
    assert [cell for cell in free_cells(maze) if is_hallway(maze, cell)] == [(1, 2), (2, 3)]
    assert cells_at_distance(maze, (1, 1), 4) == [(3, 3)]
    assert cells_at_distance(maze, (1, 1), 5) == []
