"""A finished bundle gets more precisions from its float32 graphs alone, and its success against float32."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from export.commands import export
from export.graph_checks import require_sound
from export.precision import addition as addition_module
from export.precision.addition import read_observations, without_receipt
from tests.bundles import make_bundle
from vgf_robot.backends import installed_backends, load_backend
from vgf_robot.bench import synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.commands import inspect
from vgf_robot.errors import BundleError, ConfigError, DatasetError, ExportError
from vgf_robot.receipts import ACCEPTED, KEY, check, observations_of

SOURCE = "hopper-replay"


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "500")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.npz"
    manifest = Bundle.load(SOURCE).manifest
    low, high = ([v for field in manifest.observation for v in getattr(field, side)] for side in ("low", "high"))
    rows = np.random.default_rng(0).uniform(low, high, (40, manifest.observation_size)).astype(np.float32)
    np.savez(path, observations=rows)
    return path


@pytest.fixture(scope="module")
def bundle(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("added") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addition_module, "NUM_OBSERVATIONS", 8)
        add(dataset, out)
    return Bundle.load(out)


def add(dataset: Path, out: Path, source: Path | None = None, precisions: str = "float32,float16", *more: str) -> None:
    folder = source or Bundle.load(SOURCE).folder
    arguments = ["--out", str(out), "--precisions", precisions, "--observations", str(dataset), *more]
    assert export.main([str(folder), *arguments]) == 0


def test_what_was_there_stays_as_it_was(bundle: Bundle) -> None:
    source = Bundle.load(SOURCE)
    for name, sha256 in source.manifest.files.items():
        if name.endswith(".onnx"):
            assert bundle.manifest.files[name] == sha256
    before = (source.folder / "weights.bin").read_bytes()
    assert (bundle.folder / "weights.bin").read_bytes().startswith(before)
    assert bundle.manifest.operating_point == source.manifest.operating_point
    assert bundle.variant(10, 5).precision == "float32"


def test_weights_that_are_alike_are_stored_once(bundle: Bundle) -> None:
    before = (Bundle.load(SOURCE).folder / "weights.bin").stat().st_size
    assert (bundle.folder / "weights.bin").stat().st_size < 1.6 * before
    for path in bundle.folder.glob("*.onnx"):
        require_sound(path)
    kinds = {
        t.data_type
        for t in onnx.load(bundle.folder / "step-n10-float16.onnx", load_external_data=False).graph.initializer
    }
    assert {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16} <= kinds


def test_it_has_its_receipts_and_their_observations(bundle: Bundle) -> None:
    entries = bundle.receipt()["precisions"]
    assert {(e["num_particles"], e["backend"]) for e in entries} == {
        (n, b) for n in (1, 10) for b in installed_backends()
    }
    assert all(check["passed"] for entry in entries for check in entry["checks"])
    assert observations_of(bundle).shape == (8, 11)
    assert bundle.receipt()["variants"] == Bundle.load(SOURCE).receipt()["variants"]


@pytest.mark.parametrize("name", installed_backends())
def test_it_computes_nearly_the_same(bundle: Bundle, name: str) -> None:
    backend, observation = load_backend(name), observations_of(bundle)[0]
    noise = np.random.default_rng(0).standard_normal((10, 3), np.float32)
    full, low = (backend(bundle, bundle.variant(10, 5, p), threads=1) for p in ("float32", "float16"))
    one, other = full.reference(observation, noise).copy(), low.reference(observation, noise)
    np.testing.assert_allclose(one, other, atol=0.01)
    assert not np.array_equal(one, other)


def test_beyond_the_limits_it_is_refused_or_marked_for_all_to_see(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(addition_module, "NUM_OBSERVATIONS", 4)
    monkeypatch.setattr("export.precision.receipt.installed_backends", lambda: ["onnxruntime-cpu"])
    monkeypatch.setattr(check, "SMALLEST_MEDIAN_COSINE", 1.5)
    with pytest.raises(ExportError, match=r"float16 at N = 1 is beyond its limits"):
        add(dataset, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []
    add(dataset, tmp_path / "kept", None, "float32,float16", "--accept-precision")
    bundle = Bundle.load(tmp_path / "kept")
    assert bundle.manifest.provenance[ACCEPTED] == ["float16"]
    capsys.readouterr()
    assert inspect.main([str(bundle.folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "BEYOND ITS LIMITS, accepted at export" in shown
    assert "float16 on onnxruntime-cpu" in shown


def test_a_bundle_in_words_says_what_a_precision_loses(bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect.main([str(bundle.folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "N = 10, float16 on onnxruntime-cpu" in shown
    assert "cosine of the value gradient, median 1 (at least 0.999)" in shown
    assert "BEYOND" not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    ("precisions", "sentence"), [("float32", "which ones to add"), ("float16", "expected float32 and any of")]
)
def test_there_must_be_something_to_add(dataset: Path, tmp_path: Path, precisions: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        add(dataset, tmp_path / "x", None, precisions)


def test_what_is_there_already_is_refused(dataset: Path, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has float16 already"):
        add(dataset, tmp_path / "x", bundle.folder)


def test_without_a_particle_alone_there_is_no_gradient_to_compare(tmp_path: Path) -> None:
    source = synthetic_bundle(tmp_path / "source")
    path = tmp_path / "data.npz"
    np.savez(path, observations=np.zeros((4, 28), np.float32))
    with pytest.raises(ExportError, match="no variant of one particle"):
        add(path, tmp_path / "x", source.folder)
    timed = without_receipt(source, tmp_path / "timed", ("bfloat16",))
    assert [variant.precision for variant in timed.manifest.variants] == ["float32", "bfloat16"]
    assert timed.manifest.provenance[ACCEPTED] == ["bfloat16"]


@pytest.mark.parametrize("arrays", [{}, {"observations": np.zeros((3, 2))}, {"observations": np.zeros((0, 11))}])
def test_another_tasks_data_is_refused(tmp_path: Path, arrays: dict) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(DatasetError, match=re.escape("expected observations of shape (rows, 11)")):
        read_observations(tmp_path / "data.npz", 11)


def write_evaluation(path: Path, bundle: Bundle, outcomes: list[bool], precision: str, **settings: object) -> Path:
    facts = {"bundle_sha256": bundle.sha256, "environment": "e", "seed": 5, "clock": "lock-step", **settings}
    row = {"mode": "tuned", "backend": "some", "precision": precision, "outcomes": outcomes, "episodes": len(outcomes)}
    row |= {"reference_steps": 2}
    row["success_rate"] = sum(outcomes) / len(outcomes)
    facts["episodes"] = len(outcomes)
    path.write_text(json.dumps({"verb": "eval", "settings": facts, "rows": [{"mode": "reference"}, row]}))
    return path


def closed_loop(tmp_path: Path, low: list[bool], *more: str, **changes: object) -> Bundle:
    source = Bundle.load(make_bundle(tmp_path / "source"))
    full_path = write_evaluation(tmp_path / "full.json", source, [True] * 100 + [False] * 100, "float32")
    low_path = write_evaluation(tmp_path / "low.json", source, low, "bfloat16", **changes)
    arguments = ["--out", str(tmp_path / "out"), "--closed-loop-from", f"{full_path},{low_path}", *more]
    assert export.main([str(source.folder), *arguments]) == 0
    return Bundle.load(tmp_path / "out")


def test_success_against_float32_stands_in_the_receipt(tmp_path: Path) -> None:
    bundle = closed_loop(tmp_path, [True] * 101 + [False] * 99)
    (entry,) = bundle.receipt()["closed_loop"]
    assert (entry["precision"], entry["backend"], entry["pairs_that_differ"], entry["passed"]) == (
        "bfloat16",
        "some",
        1,
        True,
    )
    assert entry["difference"] == pytest.approx(0.005)
    # One pair of 200 differs by one: mean 0.005, standard error sqrt(0.005 * 0.995 / 199).
    assert entry["difference_low"] == pytest.approx(0.005 - 1.96 * (0.005 * 0.995 / 199) ** 0.5, abs=1e-6)
    assert ACCEPTED not in bundle.manifest.provenance


def test_clearly_less_success_is_refused_or_marked(tmp_path: Path) -> None:
    low = [True] * 80 + [False] * 120
    with pytest.raises(ExportError, match=r"success differs from float32's by -0\.100"):
        closed_loop(tmp_path, low)
    assert closed_loop(tmp_path, low, "--accept-precision").manifest.provenance[ACCEPTED] == ["bfloat16"]


@pytest.mark.parametrize(
    ("low", "changes", "sentence"),
    [
        ([True] * 200, {"seed": 6}, "differ in 'seed'"),
        ([True] * 50, {}, "differ in 'episodes'"),
        ([True] * 200, {"bundle_sha256": "0"}, "is of another bundle"),
        ([None] * 200, {}, "with the success of each episode"),
    ],
)
def test_evaluations_that_cannot_be_paired_are_refused(tmp_path: Path, low: list, changes: dict, sentence: str) -> None:
    if low[0] is None:
        low_rate = 0.0
        source = Bundle.load(make_bundle(tmp_path / "source"))
        path = write_evaluation(tmp_path / "low.json", source, [True] * 200, "bfloat16")
        content = json.loads(path.read_text())
        content["rows"][1] |= {"outcomes": low, "success_rate": low_rate}
        full = write_evaluation(tmp_path / "full.json", source, [True] * 200, "float32")
        path.write_text(json.dumps(content))
        arguments = ["--out", str(tmp_path / "out"), "--closed-loop-from", f"{full},{path}"]
        with pytest.raises(BundleError, match=sentence):
            export.main([str(source.folder), *arguments])
        return
    with pytest.raises(BundleError, match=sentence):
        closed_loop(tmp_path, low, **changes)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--closed-loop-from", "one.json"], "expected two files"),
        (["--closed-loop-from", "a.json,b.json", "--precisions", "float32"], "cannot heed --precisions"),
        (["--closed-loop-from", "a.json,b.json", "--cap-from", "c.json"], "steps of their own"),
        (["--observations", "d.npz", "--particles", "1"], "cannot heed --particles"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, options: list[str], sentence: str) -> None:
    folder = make_bundle(tmp_path / "source")
    with pytest.raises(ConfigError, match=sentence):
        export.main([str(folder), "--out", str(tmp_path / "x"), *options])
