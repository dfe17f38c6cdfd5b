"""Cheaper ways to draw reference particles are variants of their own, with what they cost in the receipt."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.bundle_writer import BundleWriter
from export.commands import export
from export.request import ExportRequest, export_settings
from export.sampling import sampler_of
from export.torch_backend import TorchBackend
from policies.commands import distil, train
from policies.run_folder import RunFolder
from tests.runs import write_config
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.commands import inspect
from vgf_robot.errors import BundleError

LAYERS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    train.main([str(write_config(folder)), "--out", str(folder / "run")])
    distil.main([str(folder / "run"), "--updates", "50"])
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    request = ExportRequest(reference_steps="midpoint-2,one-step,3", particles="2", max_steps=1)
    settings = dataclasses.replace(export_settings(request, run.config()), num_parity_inputs=8)
    return BundleWriter(run, None, settings, report=print).write(tmp_path_factory.mktemp("bundles") / "cheap")


def products(bundle: Bundle, file: str) -> int:
    graph = onnx.load(bundle.folder / file, load_external_data=False).graph
    return sum(node.op_type in ("Gemm", "MatMul") for node in graph.node)


def test_each_way_is_a_variant_over_the_same_step_and_selection(bundle: Bundle) -> None:
    variants = bundle.manifest.variants
    assert [(each.reference_steps, each.sampler, each.reference) for each in variants] == [
        (3, "euler", "reference-n2-k3.onnx"),
        (2, "midpoint", "reference-n2-k2-midpoint.onnx"),
        (1, "one-step", "reference-n2-k1-one-step.onnx"),
    ]
    assert {(each.step, each.select) for each in variants} == {("step-n2.onnx", "select-n2.onnx")}
    assert bundle.manifest.operating_point.reference_steps == 3
    assert bundle.manifest.provenance["one_step"]["updates"] == "50"


def test_the_number_of_evaluations_is_that_of_the_graph(bundle: Bundle) -> None:
    for variant in bundle.manifest.variants:
        assert products(bundle, variant.reference) == LAYERS * variant.reference_steps


def test_each_way_draws_what_its_networks_draw(run: RunFolder, bundle: Bundle) -> None:
    models, _ = run.load_models(run.newest_checkpoint())
    observation, noise = np.full(4, 0.3, np.float32), np.array([[0.5, -1.0], [0.1, 0.4]], np.float32)
    drawn = []
    for variant in bundle.manifest.variants:
        with torch.no_grad():
            sampler = sampler_of(run, models, variant.sampler)
            expected = sampler(torch.from_numpy(observation), torch.from_numpy(noise), variant.reference_steps).numpy()
        for open_graphs in (load_backend("onnxruntime-cpu"), TorchBackend(run)):
            found = open_graphs(bundle, variant, threads=1).reference(observation, noise)
            np.testing.assert_allclose(found, expected, atol=1e-6)
        drawn.append(expected)
    assert all(np.abs(drawn[0] - other).max() > 1e-3 for other in drawn[1:])


def test_the_receipt_says_how_far_each_is_from_the_bundle_s_own(bundle: Bundle) -> None:
    receipt = bundle.receipt()
    assert receipt["passed"]
    # Step and selection are the same files, and are compared once.
    assert [len(entry["checks"]) > 1 for entry in receipt["variants"]] == [True, False, False]
    assert {check["quantity"] for entry in receipt["variants"][1:] for check in entry["checks"]} == {
        "reference particles"
    }
    assert [(entry["reference_steps"], entry["sampler"]) for entry in receipt["samplers"]] == [
        (2, "midpoint"),
        (1, "one-step"),
    ]
    for entry in receipt["samplers"]:
        assert (entry["against_reference_steps"], entry["against_sampler"]) == (3, "euler")
        assert 0 < entry["median"] < entry["p99"]
        assert entry["apart"] > 0


def evaluation(path: Path, bundle: Bundle, steps: int, returns: list[float], **row: object) -> Path:
    settings = {"bundle_sha256": bundle.sha256, "environment": "e", "seed": 5, "clock": "lock-step"}
    settings["episodes"] = len(returns)
    found = {
        "mode": "tuned",
        "backend": "onnxruntime-cpu",
        "precision": "float32",
        "reference_steps": steps,
        "episodes": len(returns),
        "outcomes": [None] * len(returns),
        "returns": returns,
        "data_distance_mean": 0.25 + steps,
        **row,
    }
    path.write_text(json.dumps({"verb": "eval", "settings": settings, "rows": [found]}))
    return path


def with_closed_loop(tmp_path: Path, bundle: Bundle, full: Path, low: Path) -> Bundle:
    arguments = ["--out", str(tmp_path / "out"), "--closed-loop-from", f"{full},{low}"]
    assert export.main([str(bundle.folder), *arguments]) == 0
    return Bundle.load(tmp_path / "out")


@pytest.mark.parametrize(("lost", "passed"), [(1.0, True), (30.0, False)])
def test_returns_and_distances_in_the_closed_loop_stand_in_the_receipt(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: float, passed: bool
) -> None:
    """A way beyond the limit is kept all the same: nobody takes it but who asks for it."""
    returns = [100.0 + number % 7 for number in range(70)]
    full = evaluation(tmp_path / "full.json", bundle, 3, returns)
    low = evaluation(
        tmp_path / "low.json", bundle, 1, [each - lost - number % 2 for number, each in enumerate(returns)]
    )
    kept = with_closed_loop(tmp_path, bundle, full, low)
    (entry,) = kept.receipt()["closed_loop"]
    assert (entry["reference_steps"], entry["against_reference_steps"], entry["score"]) == (1, 3, "return")
    assert entry["difference"] == pytest.approx(-(lost + 0.5) / 103)
    assert entry["difference"] - 0.002 < entry["difference_low"] < entry["difference"]
    assert (entry["data_distance_here"], entry["data_distance_float32"]) == (1.25, 3.25)
    assert entry["passed"] is passed
    capsys.readouterr()
    assert inspect.main([str(kept.folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "closed loop, K = 1" in shown
    assert ("BEYOND ITS LIMIT" in shown) is not passed


@pytest.mark.parametrize(
    ("full", "low", "sentence"),
    [
        ({"steps": 1}, {"steps": 3}, "found float32 with K = 1 and float32 with K = 3"),
        ({"steps": 3}, {"steps": 3}, "that differs in one thing"),
        ({"steps": 3}, {"steps": 1, "precision": "bfloat16"}, "bfloat16 with K = 1"),
        ({"steps": 3}, {"steps": 1, "returns": None}, "success of each episode, or its return"),
    ],
)
def test_evaluations_that_say_nothing_of_each_other_are_refused(
    bundle: Bundle, tmp_path: Path, full: dict, low: dict, sentence: str
) -> None:
    paths = []
    for name, changes in (("full", full), ("low", low)):
        steps = changes["steps"]
        others = {key: value for key, value in changes.items() if key != "steps"}
        path = evaluation(tmp_path / f"{name}.json", bundle, steps, [1.0, 2.0])
        content = json.loads(path.read_text())
        content["rows"][0] |= others
        path.write_text(json.dumps(content))
        paths.append(path)
    with pytest.raises(BundleError, match=sentence):
        with_closed_loop(tmp_path, bundle, *paths)
