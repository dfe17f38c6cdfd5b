"""The picture of the maze shows the maze that there is."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import maze_picture as picture
from sim.plants import open_plant


@pytest.fixture(scope="module")
def maze() -> picture.Maze:
    plant = open_plant("pointmaze-medium-singletask-v0")
    plant.reset(0)
    found = picture.maze_of(plant)
    plant.close()
    return found


def test_walls_are_where_the_point_cannot_be(maze):
    places, free = maze.places()
    assert maze.size.min() == maze.size.max() == pytest.approx(4.0)
    assert len(maze.low) == 64 - 26  # eight by eight cells, of which 26 are free
    start, goal, wall = (
        np.linalg.norm(places - np.array(place), axis=-1).argmin() for place in ([0, 0], [20, 20], [0, 8])
    )
    assert free.flat[start]
    assert free.flat[goal]
    assert not free.flat[wall]


def test_places_are_spread_over_the_distance_and_not_over_the_time():
    waits = np.zeros((50, 2), np.float32)
    walks = np.stack([np.linspace(0, 4, 41), np.zeros(41)], axis=-1).astype(np.float32)
    places = picture.spread_along(np.concatenate([waits, walks]), 3)
    np.testing.assert_allclose(places[:, 0], [1, 2, 3], atol=0.11)
