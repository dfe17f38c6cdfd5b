"""How recorded rewards become those that are learnt from."""

from __future__ import annotations

from pathlib import Path

from policies.config import DataConfig
from policies.datasets.transitions import Transitions
from vgf_robot.errors import DatasetError

RETURN_RANGE = 1000.0


def apply_rewards(transitions: Transitions, settings: DataConfig, path: Path) -> None:
    """Apply the configuration's rule, scale and shift to the rewards, in place.

    Args:
        transitions: Read from the file, rewards as recorded.
        settings: The rule, and scale and shift after it.
        path: The file, for errors.

    Raises:
        DatasetError: The data is not such that the rule means something.

    Source: arXiv 2110.06169 and the authors' code of arXiv 2604.14265: 1000 / (largest - smallest return) for
    D4RL's locomotion, r - 1 for antmaze. Deviation: a return is that of an episode as recorded, the row that times
    out included, where the authors sum what their reader left of it.
    """
    scale, shift = settings.reward_scale, settings.reward_shift
    if settings.reward_rule == "return-range":
        scale *= RETURN_RANGE / _return_range(transitions, path)
    elif settings.reward_rule == "goal-shift":
        _require_goal_rewards(transitions, path)
        shift -= scale
    transitions.rewards.mul_(scale).add_(shift)


def _return_range(transitions: Transitions, path: Path) -> float:
    returns = transitions.episode_returns
    found = float(returns.max() - returns.min()) if len(returns) else 0.0
    if found <= 0.0:
        raise DatasetError(
            f"{path}: `reward_rule: return-range` expects episodes of different returns, found {len(returns)} whole "
            "episodes of equal return; use `reward_scale`."
        )
    return found


def _require_goal_rewards(transitions: Transitions, path: Path) -> None:
    other = (transitions.rewards != 0.0) & (transitions.rewards != 1.0)
    if bool(other.any()):
        place = int(other.nonzero()[0])
        raise DatasetError(
            f"{path}: `reward_rule: goal-shift` expects 'rewards' of 0 and 1 alone; row "
            f"{int(transitions.rows[place])} holds {float(transitions.rewards[place]):g}; use `reward_shift`."
        )
