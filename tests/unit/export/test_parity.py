"""Parity finds what it is there to find, and lets nothing else through."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export import bundle_writer
from export.bundle_writer import BundleWriter
from export.commands import export
from export.parity import check_variant
from export.parity.check import Check, worst_of
from export.sampling import Sampling
from export.settings import ExportSettings
from policies.commands import train
from policies.run_folder import RunFolder
from policies.transport import Transport
from tests.runs import write_config
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, Rung
from vgf_robot.errors import ConfigError, ExportError, RunError

SETTINGS = ExportSettings(
    num_particles=(1, 3),
    samplings=(Sampling(num_steps=2),),
    max_steps=2,
    form="svgd",
    aggregation="min",
    num_parity_inputs=16,
)

MIDPOINT, ONE_STEP = Sampling(rule="midpoint", num_steps=2), Sampling(rule="one-step", num_steps=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    train.main([str(write_config(folder)), "--out", str(folder / "run")])
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    writer = BundleWriter(run, None, SETTINGS, report=lambda _sentence: None)
    return writer.write(tmp_path_factory.mktemp("bundles") / "small")


def test_receipt_covers_every_variant_and_quantity(bundle: Bundle) -> None:
    receipt = bundle.receipt()
    assert receipt["passed"]
    assert [entry["num_particles"] for entry in receipt["variants"]] == [1, 3]
    for entry in receipt["variants"]:
        quantities = {check["quantity"] for check in entry["checks"]}
        assert {"reference particles", "moved particles", "chosen index", "displacement"} < quantities
        assert any("finite differences" in quantity for quantity in quantities)
        assert all(check["comparisons"] > 0 and check["worst"] <= check["limit"] for check in entry["checks"])


def test_graphs_share_one_file_of_weights(bundle: Bundle) -> None:
    assert (bundle.folder / "weights.bin").stat().st_size < 40_000
    for path in bundle.folder.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        large = [tensor for tensor in model.graph.initializer if tensor.external_data]
        assert large
        assert all(entry.value == "weights.bin" for t in large for entry in t.external_data if entry.key == "location")
        assert model.opset_import[0].version == bundle_writer.OPSET


def test_bundle_drives_a_controller(bundle: Bundle) -> None:
    controller = Controller.open(bundle)
    command = controller.tick(controller.begin_episode(0), np.zeros(4, np.float32), deadline_ns=None)
    assert command.steps == 2
    assert np.abs(command.action).max() <= 2.0  # the robot's units, not [-1, 1]


def test_every_variant_can_be_asked_for(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert manifest.operating_point.reference_steps == 2
    assert [(variant.num_particles, variant.reference_steps) for variant in manifest.variants] == [(1, 2), (3, 2)]
    assert manifest.particle_counts == (1, 3)
    controller = Controller.open(bundle)
    for num_particles in manifest.particle_counts:
        budget = Budget(num_particles=num_particles)
        controller.prepare(budget)
        command = controller.tick(controller.begin_episode(0), np.zeros(4, np.float32), deadline_ns=None, budget=budget)
        assert command.rung is Rung.TRANSPORT


def test_manifest_has_the_tasks_fields_and_the_datas_ranges(bundle: Bundle, run: RunFolder) -> None:
    manifest = bundle.manifest
    assert [field.name for field in manifest.observation] == ["position", "opening"]
    low = [value for field in manifest.observation for value in field.low]
    assert low == run.dataset_facts()["observation_low"]
    assert manifest.action[0].high == (2.0, 2.0)
    assert not manifest.operating_point.sealed
    assert manifest.provenance["critic_updates"] == 14


def test_export_is_repeatable(bundle: Bundle, run: RunFolder, tmp_path: Path) -> None:
    again = BundleWriter(run, None, SETTINGS, report=lambda _sentence: None).write(tmp_path / "again")
    assert again.manifest.files == bundle.manifest.files


class Tampered:
    """A backend whose graphs answer wrongly in one respect."""

    def __init__(self, graphs, **changes) -> None:
        self._graphs = graphs
        self._changes = changes

    def reference(self, *inputs):
        particles = self._graphs.reference(*inputs)
        return self._changes["reference"](particles) if "reference" in self._changes else particles

    def step(self, *inputs):
        result = self._graphs.step(*inputs)
        return self._changes["step"](result, inputs) if "step" in self._changes else result

    def select(self, *inputs):
        selected = self._graphs.select(*inputs)
        return self._changes["select"](selected) if "select" in self._changes else selected


def frozen_gradient():
    """Always move by the first step ever seen: what an export does that freezes the gradient as a constant."""
    kept = []

    def step(result, inputs):
        kept.append(result.moved - inputs[1])
        return dataclasses.replace(result, moved=inputs[1] + kept[0])

    return step


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("reference particles", {"reference": lambda particles: particles + np.float32(2e-5)}),
        ("moved particles", {"step": frozen_gradient()}),
        ("moved particles", {"step": lambda r, _i: dataclasses.replace(r, moved=r.moved + np.float32(2e-5))}),
        ("values before a step", {"step": lambda r, _i: dataclasses.replace(r, values=r.values * np.nan)}),
        ("displacement", {"step": lambda r, _i: dataclasses.replace(r, displacement=r.displacement * 2)}),
        ("optimiser moments", {"step": lambda r, _i: dataclasses.replace(r, second_moment=r.second_moment + 1)}),
        ("finite differences", {"step": lambda r, _i: dataclasses.replace(r, first_moment=r.first_moment * 1.01)}),
        ("chosen index", {"select": lambda s: dataclasses.replace(s, index=0)}),
        ("action", {"select": lambda s: dataclasses.replace(s, action=s.action * np.float32(1.001) + 1e-4)}),
        ("ensemble spread", {"select": lambda s: dataclasses.replace(s, spread=s.spread + 1.0)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_graph_is_found(run: RunFolder, bundle: Bundle, name: str, changes: dict) -> None:
    variant = bundle.variant(3, 2)
    graphs = Tampered(load_backend("onnxruntime-cpu")(bundle, variant, threads=1), **changes)
    models, _ = run.load_models(run.newest_checkpoint())
    transport = Transport(models.critic, form="svgd", optimiser="adam", alpha=0.5, aggregation="min")
    checks = check_variant(graphs, models, transport, variant, run.sample()["observations"][:16], num_steps=2)
    assert any(name in check.quantity and not check.passed for check in checks)


def test_a_bundle_without_parity_is_not_written(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(*args, **kwargs):
        return Tampered(load_backend("onnxruntime-cpu")(*args, **kwargs), reference=lambda particles: particles + 1)

    monkeypatch.setattr(bundle_writer, "load_backend", lambda _name: backend)
    settings = dataclasses.replace(SETTINGS, num_particles=(1,))
    with pytest.raises(ExportError, match=r"Parity failed.*reference particles"):
        BundleWriter(run, None, settings, report=lambda _sentence: None).write(tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


def test_a_check_without_comparisons_or_with_many_exclusions_does_not_pass() -> None:
    assert not worst_of("x", [], 1.0).passed
    assert not worst_of("x", [np.array([np.nan])], 1.0).passed
    few = Check(quantity="x", worst=0.0, limit=1.0, comparisons=10, excluded=10)
    assert not few.passed
    assert "too few: 10 left out" in few.in_words()
    assert Check(quantity="x", worst=0.0, limit=1.0, comparisons=99, excluded=1).passed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (Sampling(num_steps=3),)),
        (["--reference-steps", "1"], (Sampling(num_steps=1),)),
        (["--reference-steps", "one-step, 3,midpoint-2"], (Sampling(num_steps=3), MIDPOINT, ONE_STEP)),
    ],
)
def test_reference_steps_are_the_runs_own_unless_said_otherwise(
    run: RunFolder, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, options: list[str], expected: tuple
) -> None:
    asked: list[ExportSettings] = []

    class Writer:
        def __init__(self, _run, _checkpoint, settings, report) -> None:
            asked.append(settings)

        def write(self, _out):
            return bundle

    monkeypatch.setattr(export, "BundleWriter", Writer)
    assert export.main([str(run.path), "--out", "out", "--particles", "4,1", *options]) == 0
    assert [(settings.num_particles, settings.samplings) for settings in asked] == [((1, 4), expected)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--reference-steps", "0"], ConfigError, "such as 5,midpoint-4,one-step, found '0'"),
        (["--reference-steps", "midpoint-3"], ConfigError, "an even number of evaluations.* found 'midpoint-3'"),
        (["--reference-steps", "5,heun-4"], ConfigError, "found '5,heun-4'"),
        (["--reference-steps", "4,midpoint-4"], ConfigError, "expected another number of evaluations for each"),
        (["--reference-steps", "3,one-step"], RunError, "has no one-step reference.* run `vgf-robot distil"),
        (["--particles", "1,0"], ConfigError, "--particles: expected positive whole numbers .* found '1,0'"),
        (["--particles", "few"], ConfigError, "--particles: expected positive whole numbers .* found 'few'"),
        (["--max-steps", "-1"], ConfigError, "--max-steps: expected 0 or more, found -1"),
    ],
)
def test_numbers_that_make_no_bundle(
    run: RunFolder, tmp_path: Path, options: list[str], error: type[BaseException], message: str
) -> None:
    with pytest.raises(error, match=message):
        export.main([str(run.path), "--out", str(tmp_path / "out"), *options])
    assert list(tmp_path.iterdir()) == []


def test_no_cast_keeps_a_constant_from_being_folded(bundle: Bundle) -> None:
    kinds = {
        node.op_type
        for path in bundle.folder.glob("*.onnx")
        for node in onnx.load(path, load_external_data=False).graph.node
    }
    assert "Cast" in kinds
    assert "CastLike" not in kinds


def test_an_existing_place_is_not_overwritten(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="exists already"):
        BundleWriter(run, None, SETTINGS, report=print).write(tmp_path / "taken")
    assert json.dumps([path.name for path in (tmp_path / "taken").iterdir()]) == '["mine.txt"]'
