"""The promise of docs/compatibility.md for bundles."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.bundle.consistency import verify_manifest
from vgf_robot.config import from_mapping
from vgf_robot.errors import BundleError

# A manifest of the first release without any key that may be left out. Never changed.
FIRST = json.loads((Path(__file__).parents[4] / "tests" / "golden" / "manifest-1.json").read_text())


def test_a_manifest_of_the_first_release_is_read_with_the_defaults_of_then():
    manifest = from_mapping(FIRST, Manifest, "the first release's")
    verify_manifest(manifest, "the first release's")
    point = manifest.operating_point
    assert (point.max_distance, point.min_gain, point.selection, point.temperature) == (None, None, "argmax", 1.0)
    assert manifest.action_rate_limit is None
    assert not point.sealed
    assert manifest.transport.step_values


def test_everything_it_says_is_still_said():
    newer = json.loads(msgspec.json.encode(from_mapping(FIRST, Manifest, "the first release's")))
    assert {**newer, **FIRST, "operating_point": {}} == {**newer, "operating_point": {}}
    assert {**newer["operating_point"], **FIRST["operating_point"]} == newer["operating_point"]


@pytest.mark.parametrize("place", ["", "operating_point", "transport", "observation"])
def test_a_newer_key_is_refused_by_name(tmp_path, place):
    folder = make_bundle(tmp_path / "bundle")
    content = json.loads((folder / "manifest.json").read_text())
    target = content[place] if place else content
    (target[0] if isinstance(target, list) else target)["novelty"] = 1
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match=r"unknown key '.*novelty'.*update vgf-robot where the bundle is newer"):
        Bundle.load(folder)


def test_provenance_may_hold_whatever_it_likes(tmp_path):
    folder = make_bundle(tmp_path / "bundle")
    content = json.loads((folder / "manifest.json").read_text())
    content["provenance"]["novelty"] = {"of": ["a", "newer", "exporter"]}
    (folder / "manifest.json").write_text(json.dumps(content))
    assert Bundle.load(folder).manifest.provenance["novelty"] == {"of": ["a", "newer", "exporter"]}


def test_another_schema_is_refused_in_one_sentence(tmp_path):
    folder = make_bundle(tmp_path / "bundle")
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**content, "schema_version": 2, "novelty": 1}))
    with pytest.raises(BundleError, match="expected schema_version 1, found 2; update vgf-robot"):
        Bundle.load(folder)
