from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests import bundles
from vgf_robot.bundle import Bundle, write_manifest


@pytest.fixture
def maze_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle for the point maze: two observed coordinates, two actions in [-2, 2]."""
    monkeypatch.setattr(bundles, "OBSERVATION_SIZE", 2)
    folder = bundles.make_bundle(
        tmp_path / "maze", control_period_s=0.1, environment="pointmaze-medium-singletask-v0", max_steps=2
    )
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    manifest["observation"] = manifest["observation"][:1]
    return write_manifest(folder, msgspec.convert(manifest, bundles.Manifest)).folder


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(bundles.make_bundle(tmp_path / "bundle", num_particles=(4,)))
