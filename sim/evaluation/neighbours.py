"""How far an observation and its action are from the nearest ones of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.bundle import Manifest
from vgf_robot.errors import DatasetError, MachineError
from vgf_robot.npz import read_arrays

_KEYS = ("observations", "actions")
_ROWS = 20_000  # a subsample: distances grow slowly with fewer rows, and every action is compared with all
_SEED = 0
_LEAST_SCALE = 1e-6
_PROBES = 500


@final
class Neighbours:
    """Observation and action of up to 20,000 rows of a dataset, drawn at random, scaled.

    An observation's entries are divided by their standard deviation in the dataset, an action's by half their range, so
    that actions are in the units of `max_distance`. Distances are Euclidean over all entries.
    """

    def __init__(self, observations: NDArray[Any], actions: NDArray[Any], action_half_range: NDArray[Any]) -> None:
        """Take the rows to compare with.

        Args:
            observations: Shape (rows, O).
            actions: Shape (rows, A), in the robot's units.
            action_half_range: Shape (A,).
        """
        rows = np.random.default_rng(_SEED).permutation(len(observations))[:_ROWS]
        spread = np.maximum(observations.std(axis=0), _LEAST_SCALE)
        self._scale = np.concatenate([1 / spread, 1 / np.maximum(action_half_range, _LEAST_SCALE)])
        self._points = np.concatenate([observations[rows], actions[rows]], axis=1) * self._scale
        self._squares = np.square(self._points).sum(axis=1)

    @classmethod
    def read(cls, path: Path, manifest: Manifest) -> Neighbours:
        """Read a dataset with `observations` and `actions`: `.npz` as OGBench writes it, or HDF5 as D4RL does.

        Args:
            path: The file.
            manifest: That of the bundle whose actions are compared.

        Raises:
            DatasetError: It is missing or damaged, or is of another robot.
            MachineError: It is HDF5, and the package that reads it is not installed.
        """
        arrays = _read(path)
        missing = [key for key in _KEYS if key not in arrays]
        if missing:
            raise DatasetError(f"Dataset {path} has no '{missing[0]}'; expected {' and '.join(_KEYS)}, a row per step.")
        observations, actions = (np.asarray(arrays[key], np.float64) for key in _KEYS)
        expected = (manifest.observation_size, manifest.action_size)
        found = tuple(array.shape[1] if array.ndim == 2 else 0 for array in (observations, actions))
        if found != expected or len(observations) != len(actions) or not len(actions):
            raise DatasetError(
                f"Dataset {path} is of another robot: expected rows of {expected[0]} and {expected[1]} entries, found "
                f"shapes {observations.shape} and {actions.shape}; give the data that the bundle was trained on."
            )
        if not (np.isfinite(observations).all() and np.isfinite(actions).all()):
            raise DatasetError(f"Dataset {path} has numbers that are not finite; clean it first.")
        low, high = (np.array([v for field in manifest.action for v in getattr(field, end)]) for end in ("low", "high"))
        return cls(observations, actions, (high - low) / 2)

    def distance(self, observation: NDArray[Any], action: NDArray[Any]) -> float:
        """Return the distance of an observation and its action from the nearest row, in scaled units.

        Args:
            observation: Shape (O,).
            action: Shape (A,), in the robot's units.
        """
        point = np.concatenate([observation, action]) * self._scale
        return float(np.sqrt(max(0.0, (self._squares - 2 * self._points @ point).min() + point @ point)))

    def within_data(self) -> float:
        """Return the median distance of a row from its nearest other one: what is near, for this data."""
        probes = np.random.default_rng(_SEED).permutation(len(self._points))[:_PROBES]
        squares = self._squares - 2 * self._points[probes] @ self._points.T + self._squares[probes, None]
        squares[np.arange(len(probes)), probes] = np.inf
        return float(np.median(np.sqrt(np.maximum(0.0, squares.min(axis=1)))))


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if path.suffix == ".npz":
        return read_arrays(path, "give the dataset that the bundle was trained on.", _KEYS)
    if path.suffix not in (".hdf5", ".h5"):
        raise DatasetError(f"Dataset {path}: expected a name that ends in .npz, .hdf5 or .h5; convert it.")
    if not path.is_file():
        raise DatasetError(f"Dataset {path} does not exist; give the one that the bundle was trained on.")
    try:
        import h5py  # of the extra `train`; an .npz file needs no such library
    except ModuleNotFoundError as error:
        raise MachineError(
            "Reading HDF5 needs the Python package 'h5py', which is not installed; run `pip install h5py`."
        ) from error
    try:
        with h5py.File(path) as file:
            return {key: np.asarray(file[key]) for key in _KEYS if key in file}
    except (OSError, TypeError, ValueError) as error:
        raise DatasetError(f"Dataset {path} is not a readable HDF5 file ({error}); copy it again.") from error
