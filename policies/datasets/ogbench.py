"""Labelled OGBench files: npz with observations, actions, terminals, rewards and masks, one row per time step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from policies.datasets.checks import require_clean, require_keys
from policies.datasets.transitions import Array, Transitions, episode_returns, tensor
from vgf_robot.errors import DatasetError
from vgf_robot.npz import read_arrays

KEYS = ("observations", "actions", "terminals", "rewards", "masks")


def load(path: Path) -> Transitions:
    """Read transitions; a terminal row ends its episode in the file and starts no transition.

    Args:
        path: An npz file that `collect --task` has labelled.

    Raises:
        DatasetError: The file is missing, damaged, unlabelled, or holds rows that cannot be learnt from.

    Source: the layout of OGBench's own files; rewards and masks belong to the state they stand beside.
    """
    arrays = _read(path)
    require_keys(arrays, KEYS, path, "label it with `vgf-robot collect ... --task`.")
    arrays = {key: arrays[key] for key in KEYS}
    require_clean(arrays, path)
    ends = arrays["terminals"].astype(bool)
    if not ends[-1]:
        raise DatasetError(f"{path}: the last row must end an episode; the file is cut short. Collect it again.")
    starts = np.flatnonzero(~ends)
    return Transitions(
        observations=tensor(arrays["observations"][starts]),
        actions=tensor(arrays["actions"][starts]),
        rewards=tensor(arrays["rewards"][starts]),
        masks=tensor(arrays["masks"][starts]),
        next_observations=tensor(arrays["observations"][starts + 1]),
        rows=torch.from_numpy(starts),
        num_episodes=int(ends.sum()),
        num_timeouts=int(ends.sum()),  # a terminal of these files ends a recording, never a task
        episode_returns=episode_returns(arrays["rewards"] * ~ends, ends),
    )


def _read(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DatasetError(f"Dataset {path} does not exist; make it with `vgf-robot collect`, or correct `data.path`.")
    return read_arrays(path, "copy or collect it again.")
