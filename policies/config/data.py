"""Where the data is and how its rewards are read."""

from __future__ import annotations

from typing import Literal

import msgspec


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the data is and how its rewards are read.

    Attributes:
        path: File, relative to the working directory; with Minari a folder, or the id of a local dataset.
        layout: `ogbench` (npz with rewards and masks), `d4rl` (HDF5) or `minari` (a local dataset).
        reward_rule: `as-is`; `return-range` for 1000 / (largest - smallest return of an episode) times the reward, as
            for D4RL's locomotion; `goal-shift` for the reward less 1, as for D4RL's antmaze.
        reward_scale: Factor on every reward, after the rule.
        reward_shift: Added after scaling.
        observation_scaling: `none`, or `standard` for zero mean and unit deviation.
        next_observations: `next-row`, as D4RL's own reader pairs them, or `stored` for those of the file, which gives
            rows that time out a next state too; d4rl only.
        max_episode_steps: When an episode times out, for files without `timeouts`; d4rl only.
        observation_keys: Parts of a dictionary observation, in the order of the vector; minari only.
    """

    path: str
    layout: Literal["ogbench", "d4rl", "minari"]
    reward_rule: Literal["as-is", "return-range", "goal-shift"] = "as-is"
    reward_scale: float = 1.0
    reward_shift: float = 0.0
    observation_scaling: Literal["none", "standard"] = "none"
    next_observations: Literal["next-row", "stored"] = "next-row"
    max_episode_steps: int | None = None
    observation_keys: tuple[str, ...] = ()
