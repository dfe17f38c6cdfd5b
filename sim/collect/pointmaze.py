"""Episodes of OGBench's point mass in a maze: towards the next cell of the shortest path, under action noise."""

from __future__ import annotations

from collections import deque
from typing import final

import numpy as np

from sim.collect.environments import make_environment
from sim.collect.names import DatasetName
from sim.collect.settings import STITCH_CELLS, Settings
from sim.collect.trajectory import Episode, Trajectory

Cell = tuple[int, int]


@final
class PointmazeCollector:
    """Makes one episode after the other in one maze.

    `navigate` draws a new goal whenever one is reached; `stitch` goes to a goal four cells away and stays.

    Source: OGBench's published generation of maze datasets; the random draws differ (every episode is seeded by
    itself), their distributions do not.
    """

    def __init__(self, name: DatasetName, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._environment = make_environment(name.environment_id, terminate_at_goal=False)
        maze = self._environment.maze_map
        self._free = free_cells(maze)
        self._goals = [cell for cell in self._free if not is_hallway(maze, cell)]

    def episode(self, seed: int) -> Episode:
        """Return the episode of this seed.

        Args:
            seed: For the environment's generator. NumPy's global one, which the maze draws from, is the caller's.
        """
        environment = self._environment
        start = _draw(self._free)
        goal = _draw(self._goals) if self._name.kind == "navigate" else self._goal_near(start)
        options = {"task_info": {"init_ij": start, "goal_ij": goal}}
        observation, _ = environment.reset(seed=seed, options=options)
        trajectory = Trajectory()
        for _ in range(self._settings.episode_steps):
            action = self._direction() + np.random.normal(0, self._settings.noise, size=2)
            action = np.clip(action, -1, 1)
            next_observation, _, _, _, info = environment.step(action)
            if info["success"] and self._name.kind == "navigate":
                cell = _draw(self._goals)
                environment.set_goal(goal_xy=environment.add_noise(environment.ij_to_xy(cell)))
            trajectory.append(observation, action, info)
            observation = next_observation
        return trajectory.finish()

    def _direction(self) -> np.ndarray:
        """Return the unit vector towards the oracle's next waypoint, shape (2,)."""
        position = self._environment.get_xy()
        waypoint, _ = self._environment.get_oracle_subgoal(position, self._environment.cur_goal_xy)
        offset = waypoint - position
        return offset / (np.linalg.norm(offset) + 1e-6)

    def _goal_near(self, start: Cell) -> Cell:
        near = cells_at_distance(self._environment.maze_map, start, STITCH_CELLS)
        return _draw(near) if near else start


def free_cells(maze: np.ndarray) -> list[Cell]:
    """Return the cells without a wall.

    Args:
        maze: Shape (rows, columns), 1 where there is a wall.
    """
    return [(int(row), int(column)) for row, column in np.argwhere(maze == 0)]


def is_hallway(maze: np.ndarray, cell: Cell) -> bool:
    """Return whether a cell only leads straight on: two opposite neighbours free, the other two walls."""
    row, column = cell
    vertical = (int(maze[row - 1, column]), int(maze[row + 1, column]))
    horizontal = (int(maze[row, column - 1]), int(maze[row, column + 1]))
    return {vertical, horizontal} == {(0, 0), (1, 1)}


def cells_at_distance(maze: np.ndarray, start: Cell, distance: int) -> list[Cell]:
    """Return the cells whose shortest path from `start` has `distance` moves, in breadth-first order."""
    moves = {start: 0}
    queue = deque([start])
    while queue:
        row, column = queue.popleft()
        for neighbour in ((row - 1, column), (row, column - 1), (row + 1, column), (row, column + 1)):
            if maze[neighbour] == 0 and neighbour not in moves:  # every maze has an outer wall: no index leaves it
                moves[neighbour] = moves[row, column] + 1
                queue.append(neighbour)
    return [cell for cell, count in moves.items() if count == distance]


def _draw(cells: list[Cell]) -> Cell:
    return cells[np.random.randint(len(cells))]
