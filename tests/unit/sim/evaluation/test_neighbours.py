from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.evaluation.neighbours import Neighbours
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.errors import DatasetError


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Bundle.load(make_bundle(tmp_path / "bundle")).manifest


def data(folder: Path, **changes: np.ndarray) -> Path:
    rng = np.random.default_rng(3)
    arrays = {"observations": rng.normal(0, (1, 2, 3), (300, 3)), "actions": rng.uniform(-2, 2, (300, 2)), **changes}
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def test_the_distance_is_that_of_the_nearest_row_in_scaled_units(tmp_path: Path, manifest: Manifest) -> None:
    path = data(tmp_path)
    with np.load(path) as arrays:
        observations, actions = arrays["observations"], arrays["actions"]
    neighbours = Neighbours.read(path, manifest)
    # Actions reach from -2 to 2: half of that is the unit of displacement.
    scaled = np.concatenate([observations / observations.std(axis=0), actions / 2.0], axis=1)
    rng = np.random.default_rng(4)
    for _ in range(5):
        observation, action = rng.normal(size=3), rng.uniform(-2, 2, 2)
        point = np.concatenate([observation / observations.std(axis=0), action / 2.0])
        expected = np.linalg.norm(scaled - point, axis=1).min()
        assert neighbours.distance(observation, action) == pytest.approx(expected)
    assert neighbours.distance(observations[7], actions[7]) == pytest.approx(0, abs=1e-6)
    gaps = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert neighbours.within_data() == pytest.approx(float(np.median(gaps.min(axis=1))))


def test_hdf5_is_read_too(tmp_path: Path, manifest: Manifest) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "data.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"], file["actions"] = np.ones((4, 3)), np.ones((4, 2))
    assert Neighbours.read(path, manifest).distance(np.ones(3), np.array([1.0, 3.0])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"actions": np.zeros((300, 3))}, "of another robot: expected rows of 3 and 2 entries"),
        ({"actions": np.zeros((299, 2))}, "of another robot"),
        ({"observations": np.full((300, 3), np.nan)}, "not finite"),
    ],
)
def test_data_of_something_else_is_refused(
    tmp_path: Path, manifest: Manifest, changes: dict[str, np.ndarray], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        Neighbours.read(data(tmp_path, **changes), manifest)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("data.csv", "ends in .npz"), ("nowhere.hdf5", "does not exist"), ("broken.hdf5", "not a readable HDF5")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, manifest: Manifest, name: str, sentence: str) -> None:
    (tmp_path / "broken.hdf5").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=sentence):
        Neighbours.read(tmp_path / name, manifest)


def test_a_file_without_actions_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    np.savez(tmp_path / "data.npz", observations=np.ones((2, 3)))
    with pytest.raises(DatasetError, match="has no 'actions'"):
        Neighbours.read(tmp_path / "data.npz", manifest)
