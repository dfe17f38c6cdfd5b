"""D4RL's scores: 0 is a random policy, 100 an expert's, as the papers report them.

They belong to D4RL's environments, gym's -v2 bodies simulated by mujoco-py. Gymnasium's -v4 and -v5 bodies are not
those of D4RL's -v2: contact forces, observations and rewards differ, so that a return there has no place on this
scale, and a normalized score of it is no D4RL result.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from vgf_robot.errors import ConfigError, suggestion


class ReferenceScores(NamedTuple):
    """Mean returns on one task.

    Attributes:
        random: Of a random policy; scores 0.
        expert: Of an expert; scores 100.
    """

    random: float
    expert: float


_EXAMPLES = ("antmaze-umaze-v2", "hopper-medium-v2", "kitchen-mixed-v0", "maze2d-umaze-v1", "pen-human-v1")  # of 200
SCORE_COLUMNS = ("d4rl_score", "d4rl_low", "d4rl_high")
_LOCOMOTION = {
    "halfcheetah": ReferenceScores(-280.178953, 12135.0),
    "hopper": ReferenceScores(-20.272305, 3234.3),
    "walker2d": ReferenceScores(1.629008, 4592.3),
    "ant": ReferenceScores(-325.6, 3879.7),
}
_LOCOMOTION_DATA = ("random", "medium", "expert", "medium-replay", "medium-expert")
_ADROIT = {
    "pen": ReferenceScores(96.262799, 3076.8331017826877),
    "hammer": ReferenceScores(-274.856578, 12794.134825156867),
    "relocate": ReferenceScores(-6.425911, 4233.877797728884),
    "door": ReferenceScores(-56.512833, 2880.5693087298737),
}
_BULLET = {
    "halfcheetah": ReferenceScores(-1275.766996, 2381.6725),
    "hopper": ReferenceScores(20.058972, 1441.8059623430963),
    "ant": ReferenceScores(373.705955, 2650.495),
    "walker2d": ReferenceScores(16.523877, 1623.6476303317536),
}
_ANTMAZE = ("umaze", "umaze-diverse", "medium-play", "medium-diverse", "large-play", "large-diverse")

TASKS: dict[str, ReferenceScores] = {
    "maze2d-open-v0": ReferenceScores(0.01, 20.66),
    "maze2d-umaze-v1": ReferenceScores(23.85, 161.86),
    "maze2d-medium-v1": ReferenceScores(13.13, 277.39),
    "maze2d-large-v1": ReferenceScores(6.7, 273.99),
    "maze2d-open-dense-v0": ReferenceScores(11.17817, 27.166538620695782),
    "maze2d-umaze-dense-v1": ReferenceScores(68.537689, 193.66285642381482),
    "maze2d-medium-dense-v1": ReferenceScores(44.264742, 297.4552547777125),
    "maze2d-large-dense-v1": ReferenceScores(30.569041, 303.4857382709002),
    "minigrid-fourrooms-v0": ReferenceScores(0.01442, 2.89685),
    "minigrid-fourrooms-random-v0": ReferenceScores(0.01442, 2.89685),
    **{f"kitchen-{data}-v0": ReferenceScores(0.0, 4.0) for data in ("complete", "partial", "mixed")},
    **{f"flow-ring-{data}-v0": ReferenceScores(-165.22, 24.42) for data in ("random", "controller")},
    **{f"flow-merge-{data}-v0": ReferenceScores(118.67993, 330.03179) for data in ("random", "controller")},
    "carla-lane-v0": ReferenceScores(-0.8503839912088142, 1023.5784385429523),
    "carla-town-v0": ReferenceScores(-114.81579500772153, 2440.1772022247314),
    "bullet-maze2d-open-v0": ReferenceScores(8.75, 64.15),
    "bullet-maze2d-umaze-v0": ReferenceScores(32.46, 153.99),
    "bullet-maze2d-medium-v0": ReferenceScores(14.87, 238.05),
    "bullet-maze2d-large-v0": ReferenceScores(1.82, 285.92),
    **{f"antmaze-{maze}-{version}": ReferenceScores(0.0, 1.0) for maze in _ANTMAZE for version in ("v0", "v2")},
    **{
        f"{hand}-{data}-{version}": scores
        for hand, scores in _ADROIT.items()
        for data in ("human", "cloned", "expert")
        for version in ("v0", "v1")
    },
    **{f"{body}-{data}-v0": scores for body, scores in _LOCOMOTION.items() for data in _LOCOMOTION_DATA},
    **{
        f"{body}-{data}-{version}": scores
        for body, scores in _LOCOMOTION.items()
        for data in (*_LOCOMOTION_DATA, "full-replay")
        for version in ("v1", "v2")
    },
    **{f"bullet-{body}-{data}-v0": scores for body, scores in _BULLET.items() for data in _LOCOMOTION_DATA},
}
"""Every task that D4RL has reference scores for."""


def normalized_score(task: str, episode_return: float) -> float:
    """Return 100 * (return - random) / (expert - random).

    Args:
        task: D4RL's name, such as `hopper-medium-v2`; not that of a Gymnasium environment, see above.
        episode_return: Undiscounted sum of rewards of an episode, or a mean of such, in the task's own rewards.

    Returns:
        A score in per cent, as in the papers; D4RL's own function returns the hundredth part.

    Raises:
        ConfigError: D4RL has no reference scores for the task.

    Source: arXiv 2004.07219 and the reference scores of D4RL 1.1.
    """
    scores = _scores(task)
    return 100.0 * (episode_return - scores.random) / (scores.expert - scores.random)


def _scores(task: str) -> ReferenceScores:
    if task not in TASKS:
        near = difflib.get_close_matches(task, TASKS, n=1) or _EXAMPLES
        raise ConfigError(f"D4RL has no reference scores for '{task}'; {suggestion(task, near)}")
    return TASKS[task]


def require_task(task: str, environment: str) -> None:
    """Refuse a task of another robot than the one that is simulated, as far as the names say.

    Args:
        task: D4RL's name.
        environment: The plant's.

    Raises:
        ConfigError: D4RL has no such task, or it is one of another robot.
    """
    _scores(task)
    kind = task.split("-")[0]
    robot = "pointmaze" if kind == "maze2d" else kind
    if robot not in environment.lower() and not environment.endswith((".yaml", ".yml")):
        raise ConfigError(f"--d4rl-task: '{task}' is of another robot than '{environment}'; name a task of its own.")


def score_columns(task: str, row: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the score of an evaluation's row with its interval, under the keys of the JSON.

    An episode of D4RL's antmaze returns 1 where the goal is reached: there the success rate is the return.

    Args:
        task: D4RL's name.
        row: With return and success.
    """
    measure = "success_{}" if task.startswith("antmaze-") else "return_{}"
    mean = "success_rate" if task.startswith("antmaze-") else "return_mean"
    values = [row[mean], row[measure.format("low")], row[measure.format("high")]]
    return {
        key: None if value is None else normalized_score(task, value)
        for key, value in zip(SCORE_COLUMNS, values, strict=True)
    }
