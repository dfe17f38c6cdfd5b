"""D4RL's HDF5: observations, actions, rewards, terminals and timeouts, one row per time step."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from policies.datasets.checks import require_clean, require_keys
from policies.datasets.transitions import Array, Transitions, episode_returns, tensor
from vgf_robot.errors import DatasetError

KEYS = ("observations", "actions", "rewards", "terminals")


def load(path: Path, *, stored_next: bool = False, max_episode_steps: int | None = None) -> Transitions:
    """Read transitions the way D4RL's `qlearning_dataset` pairs them.

    The next row is the next state; a row that times out, and the last row, start no transition. A terminal ends the
    task (mask 0), a timeout only the episode. `next_observations` of the file are left alone, as D4RL leaves them.

    Args:
        path: An HDF5 file as D4RL wrote it.
        stored_next: Take the file's `next_observations` instead of the next row: then every row is a transition.
        max_episode_steps: After how many steps an episode times out, for files that have no `timeouts`.

    Raises:
        DatasetError: The file is missing, damaged, or holds rows that cannot be learnt from.

    Source: arXiv 2004.07219 and its `qlearning_dataset`. Deviation: where steps are counted, D4RL's reader counts from
    1 after a terminal, and so drops the row before the one that times out; here that row is the one dropped.
    """
    arrays = _read(path, stored_next)
    require_clean(arrays, path)
    terminals = arrays["terminals"].astype(bool)
    timeouts = _timeouts(arrays, terminals, max_episode_steps, path)
    ends = terminals | timeouts
    rows = np.arange(len(ends)) if stored_next else np.flatnonzero(~timeouts[:-1])
    if not len(rows):
        raise DatasetError(f"{path}: no row has a next state; expected at least one transition.")
    following = arrays["next_observations"] if stored_next else arrays["observations"][rows + 1]
    return Transitions(
        observations=tensor(arrays["observations"][rows]),
        actions=tensor(arrays["actions"][rows]),
        rewards=tensor(arrays["rewards"][rows]),
        masks=tensor(1.0 - terminals[rows]),
        next_observations=tensor(following),
        rows=torch.from_numpy(rows),
        num_episodes=int(ends.sum() + (not ends[-1])),
        num_timeouts=int((timeouts & ~terminals).sum()),
        episode_returns=episode_returns(arrays["rewards"], ends),
    )


def _timeouts(
    arrays: dict[str, Array], terminals: NDArray[np.bool_], max_episode_steps: int | None, path: Path
) -> NDArray[np.bool_]:
    """Return which rows time out: as the file says, else by counting steps since the last end."""
    if "timeouts" in arrays:
        if max_episode_steps is not None:
            raise DatasetError(f"{path} has 'timeouts'; leave `data.max_episode_steps` out, which would contradict it.")
        return arrays["timeouts"].astype(bool)
    if max_episode_steps is None:
        raise DatasetError(
            f"{path} has no 'timeouts', so transitions would cross from one episode into the next; give "
            "`data.max_episode_steps`, the environment's limit (1000 for D4RL's locomotion)."
        )
    rows = np.arange(len(terminals))
    begins = np.concatenate([[True], terminals[:-1]])
    since = rows - np.maximum.accumulate(np.where(begins, rows, 0))
    return since % max_episode_steps == max_episode_steps - 1


def _read(path: Path, stored_next: bool) -> dict[str, Array]:
    if not path.is_file():
        raise DatasetError(f"Dataset {path} does not exist; correct `data.path` or copy the HDF5 file there.")
    needed = (*KEYS, "next_observations") if stored_next else KEYS
    try:
        with h5py.File(path) as file:
            require_keys(file, needed, path, "expected D4RL's layout.")
            if not stored_next and "next_observations" in file:
                print(
                    f"{path}: its next_observations are left alone; `data.next_observations: stored` would take them."
                )
            return {key: np.asarray(file[key]) for key in (*needed, "timeouts") if key in file}
    except (OSError, TypeError, ValueError) as error:
        raise DatasetError(f"Dataset {path} is not a readable HDF5 file ({error}); copy it again.") from error
