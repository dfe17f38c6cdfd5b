"""Every method exports to the three graphs of the same runtime, with its receipt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.bundle_writer import BundleWriter
from export.commands import export
from export.parity import check_variant
from export.request import ExportRequest, export_settings
from export.settings import ExportSettings
from export.torch_backend import TorchBackend
from policies.commands import train
from policies.run_folder import RunFolder
from policies.transport import Transport
from tests.runs import write_config
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, Rung
from vgf_robot.errors import BudgetError, ConfigError

INDEPENDENT = {"form": "independent", "num_particles": 3, "num_steps": 2, "samples_per_state": 4}
RUNS = {
    "a-vgf": {"method": "a-vgf", "transport": INDEPENDENT},
    "ifql": {"method": "ifql"},
    "fql": {"method": "fql", "fql": {"alpha": 3.0}},
    "gaussian": {"reference": {"kind": "gaussian", "hidden_sizes": [16, 16], "num_steps": 1, "num_updates": 12}},
}
EXPECTED = {  # particle counts, K, cap and form where nothing is said
    "a-vgf": ([1, 5], 3, 10, "amortised"),
    "ifql": ([1, 32], 3, 0, "independent"),
    "fql": ([1], 1, 0, "independent"),
    "gaussian": ([1, 10], 1, 10, "svgd"),
}
SEQUENCE = sorted(RUNS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    torch.set_num_threads(1)
    found = {}
    for name, changes in RUNS.items():
        folder = tmp_path_factory.mktemp(name)
        train.main([str(write_config(folder, **changes)), "--out", str(folder / "run")])
        found[name] = RunFolder.open(folder / "run")
    return found


@pytest.fixture(scope="module")
def bundles(runs: dict[str, RunFolder], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    found = {}
    for name, run in runs.items():
        out = tmp_path_factory.mktemp("bundles") / name
        settings = export_settings(ExportRequest(max_steps=2 if EXPECTED[name][2] else 0), run.config())
        small = ExportSettings(
            num_particles=settings.num_particles[-1:],
            samplings=settings.samplings,
            max_steps=settings.max_steps,
            form=settings.form,
            aggregation=settings.aggregation,
            num_parity_inputs=16,
            step_values=settings.step_values,
        )
        found[name] = BundleWriter(run, None, small, report=lambda _sentence: None).write(out)
    return found


@pytest.mark.parametrize("name", SEQUENCE)
def test_settings_are_the_methods_own_where_nothing_is_said(runs: dict[str, RunFolder], name: str) -> None:
    settings = export_settings(ExportRequest(), runs[name].config())
    particles, reference_steps, max_steps, _ = EXPECTED[name]
    assert list(settings.num_particles) == particles
    assert [way.num_steps for way in settings.samplings] == [reference_steps]
    assert settings.max_steps == max_steps


@pytest.mark.parametrize("name", SEQUENCE)
def test_the_bundle_has_its_receipt_and_says_what_it_is(bundles: dict[str, Bundle], name: str) -> None:
    bundle = bundles[name]
    manifest, receipt = bundle.manifest, bundle.receipt()
    assert receipt["passed"]
    assert all(check["passed"] for entry in receipt["variants"] for check in entry["checks"])
    assert manifest.transport.form == EXPECTED[name][3]
    assert manifest.operating_point.max_steps == (2 if EXPECTED[name][2] else 0)
    assert manifest.operating_point.reference_steps == EXPECTED[name][1]
    assert manifest.provenance["configuration"]["method"] == RUNS[name].get("method", "vgf")


@pytest.mark.parametrize("name", SEQUENCE)
def test_the_same_controller_runs_it(bundles: dict[str, Bundle], name: str) -> None:
    controller = Controller.open(bundles[name])
    command = controller.tick(controller.begin_episode(0), np.zeros(4, np.float32), deadline_ns=None)
    point = bundles[name].manifest.operating_point
    assert command.steps == point.max_steps
    assert command.rung is (Rung.TRANSPORT if point.max_steps else Rung.REFERENCE)
    assert np.abs(command.action).max() <= 2.0


def nodes(bundle: Bundle, kind: str) -> list[str]:
    path = bundle.folder / getattr(bundle.manifest.variants[0], kind)
    return [node.op_type for node in onnx.load(path, load_external_data=False).graph.node]


def products(bundle: Bundle, kind: str) -> int:
    return sum(kind in ("Gemm", "MatMul") for kind in nodes(bundle, kind))


def test_an_amortised_step_has_no_backward_pass(bundles: dict[str, Bundle]) -> None:
    """Three layers forward in the gradient network; nothing else, the critics neither."""
    assert products(bundles["a-vgf"], "step") == 3
    assert products(bundles["ifql"], "step") == 3 * 2 * 2  # forward and backward
    assert products(bundles["gaussian"], "step") > 3 * 2 * 2  # and the kernel


def test_an_amortised_step_states_values_where_that_was_asked_for(
    runs: dict[str, RunFolder], bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    """Three layers forward in each of two critics too; and the particles go where they go without."""
    run, silent = runs["a-vgf"], bundles["a-vgf"]
    options = ["--particles", "5", "--max-steps", "2", "--step-values"]
    assert export.main([str(run.path), "--out", str(tmp_path / "stated"), *options]) == 0
    stated = Bundle.load(tmp_path / "stated")
    assert (stated.manifest.transport.step_values, silent.manifest.transport.step_values) == (True, False)
    assert products(stated, "step") == 3 * 2 + 3
    quantities = [
        {each["quantity"] for each in bundle.receipt()["variants"][0]["checks"]} for bundle in (stated, silent)
    ]
    assert quantities[0] - quantities[1] == {"values before a step"}
    particles, zeros = np.full((5, 2), 0.2, np.float32), np.zeros((5, 2), np.float32)
    observation = np.full(4, 0.1, np.float32)
    inputs = (observation, particles, particles, zeros, zeros, 0, 0.1, np.inf)
    for backend in (load_backend("onnxruntime-cpu"), TorchBackend(run)):
        with_values, without = (
            backend(bundle, bundle.manifest.variants[0], threads=1).step(*inputs) for bundle in (stated, silent)
        )
        np.testing.assert_array_equal(with_values.moved, without.moved)
        assert without.values is None
        assert with_values.values is not None
    with pytest.raises(BudgetError, match="state no values"):
        Controller.open(silent).point(Budget(min_gain=0.5))
    assert Controller.open(stated).point(Budget(min_gain=0.5)).min_gain == 0.5


def test_the_one_step_actor_is_the_reference_graph(runs: dict[str, RunFolder], bundles: dict[str, Bundle]) -> None:
    assert products(bundles["fql"], "reference") == 3
    models, _ = runs["fql"].load_models(runs["fql"].newest_checkpoint())
    bundle = bundles["fql"]
    graphs = load_backend("onnxruntime-cpu")(bundle, bundle.manifest.variants[0], threads=1)
    observation, noise = np.full(4, 0.3, np.float32), np.array([[0.5, -1.0]], np.float32)
    with torch.no_grad():
        expected = models.actor(torch.from_numpy(observation), torch.from_numpy(noise), 1)
    np.testing.assert_allclose(graphs.reference(observation, noise), expected.numpy(), atol=1e-6)


def test_a_step_along_another_gradient_is_found(runs: dict[str, RunFolder], bundles: dict[str, Bundle]) -> None:
    bundle, run = bundles["a-vgf"], runs["a-vgf"]
    variant = bundle.manifest.variants[0]
    graphs = load_backend("onnxruntime-cpu")(bundle, variant, threads=1)
    models, _ = run.load_models(run.newest_checkpoint())
    observations = run.sample()["observations"][:16]
    checks = {}
    for amortised in (models.gradient, None):
        transport = Transport(
            models.critic,
            form="independent",
            optimiser="adam",
            alpha=0.5,
            aggregation="mean",
            amortised=amortised,
            step_values=False,
        )
        checks[amortised] = check_variant(graphs, models, transport, variant, observations, num_steps=2)
    assert all(check.passed for check in checks[models.gradient])
    assert any("gradient network" in check.quantity for check in checks[models.gradient])
    assert {"moved particles", "phi against finite differences (relative)"} <= {
        check.quantity for check in checks[None] if not check.passed
    }


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ifql", ["--max-steps", "1"], "ifql chooses among samples and moves none, found 1"),
        ("fql", ["--max-steps", "3"], "fql chooses among samples and moves none, found 3"),
        ("fql", ["--reference-steps", "2"], "the actor of fql draws in one pass, found 2"),
        ("gaussian", ["--reference-steps", "2"], "a gaussian reference draws in one pass, found 2"),
        ("ifql", ["--step-values"], "--step-values: the steps of ifql state values anyway"),
        ("a-vgf", ["--form", "svgd"], "a-vgf has no kernel, expected independent, found svgd"),
    ],
)
def test_what_a_method_does_not_have_is_refused(
    runs: dict[str, RunFolder], tmp_path: Path, name: str, options: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        export.main([str(runs[name].path), "--out", str(tmp_path / "out"), *options])
    assert list(tmp_path.iterdir()) == []


def test_a_run_exports_as_it_stands(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    out = tmp_path / "fql"
    assert export.main([str(runs["fql"].path), "--out", str(out)]) == 0
    assert Bundle.load(out).manifest.particle_counts == (1,)
