"""A sound bundle loads; every way it can be damaged has its sentence."""

import json
import math
import re
from pathlib import Path

import msgspec
import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, bundle, shipped_names, write_manifest
from vgf_robot.bundle.files import sha256_of
from vgf_robot.errors import BudgetError, BundleError


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def refusal(folder: Path | str) -> str:
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    return str(caught.value)


def edit(folder: Path, change) -> None:
    """Change the manifest's JSON by hand, past every check of the exporter."""
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    (folder / "manifest.json").write_text(json.dumps(content))


def test_a_sound_bundle_loads_and_is_named_by_its_manifests_hash(folder):
    loaded = Bundle.load(folder)
    assert loaded.folder == folder
    assert loaded.sha256 == sha256_of(folder / "manifest.json")
    assert (loaded.manifest.observation_size, loaded.manifest.action_size) == (3, 2)
    assert Bundle.load(str(folder)) == loaded
    assert loaded.receipt()["passed"] is True


def test_sealing_twice_gives_the_same_hash(folder):
    loaded = Bundle.load(folder)
    assert write_manifest(folder, loaded.manifest) == loaded


def test_no_draft_of_the_manifest_stays_behind(folder):
    assert not list(folder.glob(".*"))


def test_variants_are_found_by_particles_steps_and_precision(folder):
    loaded = Bundle.load(folder)
    assert loaded.variant(1, 2).reference == "reference-n1.onnx"
    assert loaded.variant(4, 2, "float32").num_particles == 4
    with pytest.raises(BudgetError, match=re.escape("= (3, 2), only (1, 2, float32), (4, 2, float32);")):
        loaded.variant(3, 2)
    with pytest.raises(BudgetError, match=re.escape("(4, 2, float16)")):
        loaded.variant(4, 2, "float16")


def test_a_shipped_bundle_is_found_by_name(folder, monkeypatch):
    monkeypatch.setattr(bundle, "SHIPPED", folder.parent)
    assert shipped_names() == ["bundle"]
    assert Bundle.load("bundle") == Bundle.load(folder)
    assert "did you mean 'bundle'?" in refusal("bundel")


def test_what_is_no_bundle_is_refused(folder, tmp_path):
    assert "found neither" in refusal(tmp_path / "nowhere")
    assert "found a file" in refusal(folder / "manifest.json")
    assert "expected the manifest of a bundle, found none" in refusal(tmp_path)


def test_a_missing_file_is_named(folder):
    (folder / "step-n4.onnx").unlink()
    assert f"{folder / 'step-n4.onnx'}: expected the file that the manifest lists, found none" in refusal(folder)


def test_a_changed_file_is_named_with_both_hashes(folder):
    path = folder / "select-n1.onnx"
    expected = sha256_of(path)
    path.write_bytes(path.read_bytes() + b"x")
    assert f"{path} was changed: expected sha256 {expected}, found {sha256_of(path)};" in refusal(folder)


def test_a_file_that_no_hash_covers_is_refused_and_hidden_ones_are_not(folder):
    (folder / ".DS_Store").write_text("")
    Bundle.load(folder)
    (folder / "weights.data").write_text("")
    assert "weights.data: expected only files that the manifest lists" in refusal(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", ""])
def test_a_path_that_leads_out_is_refused(folder, name):
    edit(folder, lambda content: content["files"].update({name: "0" * 64}))
    assert f"lists the file '{name}': expected a path inside the bundle's folder" in refusal(folder)


def test_a_graph_outside_the_folder_is_refused(folder):
    edit(folder, lambda content: content["variants"][0].update(step="../step.onnx"))
    assert "lists the file '../step.onnx'" in refusal(folder)


def test_a_link_that_leads_out_is_refused(folder):
    path = folder / "step-n4.onnx"
    outside = folder.parent / "outside.onnx"
    path.rename(outside)
    path.symlink_to(outside)
    assert f"found a link to {outside.resolve()}" in refusal(folder)


@pytest.mark.parametrize("name", ["receipt.json", "reference-n1.onnx"])
def test_a_needed_file_without_a_hash_is_refused(folder, name):
    edit(folder, lambda content: content["files"].pop(name))
    assert f"expected '{name}' among its hashed files" in refusal(folder)


def test_a_manifest_that_is_no_json_object_is_refused(folder):
    (folder / "manifest.json").write_text("{")
    assert "expected JSON, found" in refusal(folder)
    (folder / "manifest.json").write_bytes(b'{"name": "\xff"}')
    assert "expected JSON, found" in refusal(folder)
    (folder / "manifest.json").write_text("[" * 100_000)
    assert "expected JSON, found" in refusal(folder)
    (folder / "manifest.json").write_text("[1]")
    assert "expected a JSON object, found [1]" in refusal(folder)


def test_another_schema_version_is_refused_before_its_keys(folder):
    edit(folder, lambda content: content.update(schema_version=2, invention=1))
    assert "expected schema_version 1, found 2; update vgf-robot." in refusal(folder)
    edit(folder, lambda content: content.update(schema_version=0))
    assert "found 0; export the bundle again." in refusal(folder)


def test_an_unknown_key_is_refused_with_a_suggestion(folder):
    edit(folder, lambda content: content["operating_point"].update(max_step=1))
    assert "unknown key 'operating_point.max_step'; did you mean 'max_steps'?" in refusal(folder)


def test_a_wrong_type_is_refused(folder):
    edit(folder, lambda content: content.update(control_period_s="fast"))
    assert "control_period_s" in refusal(folder)


WRONG = {
    "safe_action: expected 2 numbers, one per entry, found 1": lambda c: c.update(safe_action=[0.0]),
    "safe_action[1]: expected a value inside the limits -2 to 2, found 3": lambda c: c.update(safe_action=[0.0, 3.0]),
    "action_rate_limit: expected 2 numbers": lambda c: c.update(action_rate_limit=[1.0]),
    "action_rate_limit: expected positive numbers": lambda c: c.update(action_rate_limit=[1.0, 0.0]),
    "observation 'goal'.low: expected 2 numbers": lambda c: c["observation"][0].update(low=[0.0]),
    "action 'displacement'.high: expected 2 numbers": lambda c: c["action"][0].update(high=[1.0, 1.0, 1.0]),
    "observation 'speed': expected low at most as large as high": lambda c: c["observation"][1].update(low=[9.0]),
    "observation 'speed'.size: expected at least 1": lambda c: c["observation"][1].update(size=0, low=[], high=[]),
    "observation: expected different names": lambda c: c["observation"][1].update(name="goal"),
    "action: expected at least one field": lambda c: c.update(action=[]),
    "control_period_s: expected a positive number of seconds, found 0": lambda c: c.update(control_period_s=0.0),
    "operating_point: expected one of the variants'": lambda c: c["operating_point"].update(num_particles=3),
    "operating_point.max_steps: expected 0 or more, found -1": lambda c: c["operating_point"].update(max_steps=-1),
    "operating_point.step_size: expected a positive": lambda c: c["operating_point"].update(step_size=0.0),
    "operating_point.max_distance: expected a positive": lambda c: c["operating_point"].update(max_distance=-1.0),
    "operating_point.temperature: expected a positive": lambda c: c["operating_point"].update(temperature=0.0),
    "operating_point.min_gain: expected none, as no step states values": lambda c: (
        c["operating_point"].update(min_gain=0.5),
        c["transport"].update(step_values=False),
    ),
    "variants: expected each (num_particles": lambda c: c["variants"].append(c["variants"][0]),
    "variants: expected at least one particle": lambda c: c["variants"][0].update(reference_steps=0),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_numbers_that_disagree_are_refused(folder, sentence):
    edit(folder, WRONG[sentence])
    assert f"In {folder / 'manifest.json'}, {sentence}" in refusal(folder)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_the_exporter_cannot_seal_numbers_that_are_not_finite(folder, number):
    manifest = Bundle.load(folder).manifest
    before = (folder / "manifest.json").read_bytes()
    field = msgspec.structs.replace(manifest.observation[1], high=(number,))
    damaged = msgspec.structs.replace(manifest, observation=(manifest.observation[0], field))
    with pytest.raises(BundleError, match=re.escape("observation 'speed'.high: expected finite numbers")):
        write_manifest(folder, damaged)
    assert (folder / "manifest.json").read_bytes() == before


def test_the_exporter_cannot_seal_a_bundle_without_its_receipt(folder):
    manifest = Bundle.load(folder).manifest
    (folder / "receipt.json").unlink()
    with pytest.raises(BundleError, match=re.escape("expected 'receipt.json' among its hashed files")):
        write_manifest(folder, manifest)
