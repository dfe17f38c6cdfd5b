"""D4RL-layout HDF5: observations, actions, rewards, terminals and timeouts, one row per time step."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch

from policies.datasets.transitions import Array, Transitions, require_clean, require_keys
from vgf_robot.errors import DatasetError

KEYS = ("observations", "actions", "rewards", "terminals")
OPTIONAL_KEYS = ("timeouts", "next_observations")


def load(path: Path) -> Transitions:
    """Read transitions the way D4RL's own reader pairs them.

    A terminal ends the task (mask 0), a timeout only the episode. Where the file has no `next_observations`, the next
    row is the next state and a row that times out starts no transition.

    Args:
        path: An HDF5 file in D4RL's layout.

    Raises:
        DatasetError: The file is missing, damaged, or holds rows that cannot be learnt from.

    Source: D4RL's dataset layout (arXiv 2004.07219) and its Q-learning view.
    """
    arrays = _read(path)
    require_keys(arrays, KEYS, path, "expected D4RL's layout.")
    require_clean(arrays, path)
    terminals = arrays["terminals"].astype(bool)
    timeouts = arrays["timeouts"].astype(bool) if "timeouts" in arrays else np.zeros_like(terminals)
    ends = terminals | timeouts
    if "next_observations" in arrays:
        rows = np.arange(len(terminals))
        following = arrays["next_observations"]
    else:
        rows = np.flatnonzero(~timeouts[:-1])
        following = arrays["observations"][rows + 1]
    return Transitions(
        observations=_tensor(arrays["observations"][rows]),
        actions=_tensor(arrays["actions"][rows]),
        rewards=_tensor(arrays["rewards"][rows]),
        masks=_tensor(1.0 - terminals[rows]),
        next_observations=_tensor(following),
        num_episodes=int(ends.sum() + (not ends[-1])),
    )


def _read(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DatasetError(f"Dataset {path} does not exist; correct `data.path` or copy the HDF5 file there.")
    try:
        with h5py.File(path) as file:
            present = [key for key in (*KEYS, *OPTIONAL_KEYS) if key in file]
            return {key: np.asarray(file[key]) for key in present}
    except OSError as error:
        raise DatasetError(f"Dataset {path} is not a readable HDF5 file ({error}); copy it again.") from error


def _tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
