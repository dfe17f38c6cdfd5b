"""Low precision reaches the large products alone, has its receipt, and is refused beyond its limits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.bundle_writer import BundleWriter
from export.commands import export
from export.graph_checks import require_sound
from export.precision.lowering import SMALLEST_AXIS, lower
from export.request import precisions
from export.sampling import Sampling
from export.settings import ExportSettings
from policies.commands import train
from policies.run_folder import RunFolder
from tests.runs import write_config
from vgf_robot import backends
from vgf_robot.backends import Signature, empty_buffers, installed_backends, load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BudgetError, ConfigError, ExportError, MachineError
from vgf_robot.receipts import ACCEPTED, Pair, check_precision, failures, observations_of
from vgf_robot.receipts import check as check_module

WIDTH = SMALLEST_AXIS
SETTINGS = ExportSettings(
    num_particles=(4,),
    samplings=(Sampling(num_steps=2),),
    max_steps=2,
    form="svgd",
    aggregation="mean",
    num_parity_inputs=16,
    precisions=("float32", "float16"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    wide = {"hidden_sizes": [WIDTH, WIDTH], "num_updates": 12}
    config = write_config(folder, critic=wide, reference={**wide, "num_steps": 3})
    train.main([str(config), "--out", str(folder / "run")])
    return RunFolder.open(folder / "run")


def export_run(run: RunFolder, out: Path, **changes: object) -> Bundle:
    settings = dataclasses.replace(SETTINGS, **changes)
    return BundleWriter(run, None, settings, report=lambda _sentence: None).write(out)


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_run(run, tmp_path_factory.mktemp("bundles") / "low")


def graph(bundle: Bundle, kind: str, precision: str) -> onnx.GraphProto:
    path = bundle.folder / getattr(bundle.variant(4, 2, precision), kind)
    return onnx.load(path, load_external_data=False).graph


def test_only_products_with_large_weights_are_lowered(bundle: Bundle) -> None:
    low, full = graph(bundle, "step", "float16"), graph(bundle, "step", "float32")
    lowered = [node for node in low.node if node.name.endswith("_float16") and node.op_type == "MatMul"]
    assert len(lowered) == 2 * 2  # one square weight in each of two critics, forwards and backwards
    kinds = [node.op_type for node in low.node]
    whole = [node.op_type for node in full.node]
    products = ("Gemm", "MatMul")
    assert sum(kind in products for kind in kinds) == sum(kind in products for kind in whole)
    for kind in ("Sqrt", "TopK", "Exp", "LayerNormalization", "Clip"):
        assert kinds.count(kind) == whole.count(kind)
    stored = {tensor.name: tensor.data_type for tensor in low.initializer}
    half = [name for name, kind in stored.items() if kind == onnx.TensorProto.FLOAT16]
    assert len(half) == 2
    assert not any(name.removesuffix("_float16") in stored for name in half)  # float32's copy is gone


def test_the_precisions_share_what_they_have_in_common(bundle: Bundle) -> None:
    square = WIDTH * WIDTH * 4
    alone = sum(
        np.prod(tensor.dims) * 4
        for kind in ("reference", "step")
        for tensor in graph(bundle, kind, "float32").initializer
        if tensor.external_data
    )
    assert (bundle.folder / "weights.bin").stat().st_size < alone + 3 * square / 2 + 4096


def test_it_has_a_receipt_of_every_backend(bundle: Bundle) -> None:
    entries = bundle.receipt()["precisions"]
    assert [entry["backend"] for entry in entries] == installed_backends()
    for entry in entries:
        assert (entry["precision"], entry["num_particles"]) == ("float16", 4)
        assert entry["rounded"] == "weights"
        assert entry["device"]
        assert entry["library"].startswith(
            {"onnxruntime-cpu": "ONNX Runtime", "openvino-cpu": "OpenVINO"}[entry["backend"]]
        )
        assert all(check["passed"] and check["comparisons"] > 0 for check in entry["checks"])
        assert {"cosine of the value gradient, median"} < {check["quantity"] for check in entry["checks"]}
        assert any(0 < check["measured"] < 0.1 for check in entry["checks"] if "error of values" in check["quantity"])
    assert ACCEPTED not in bundle.manifest.provenance


def test_the_observations_of_the_receipt_travel_with_the_bundle(run: RunFolder, bundle: Bundle) -> None:
    np.testing.assert_array_equal(observations_of(bundle), run.sample()["observations"][:16].numpy())


def test_every_graph_is_sound_and_no_probe_is_left(bundle: Bundle) -> None:
    assert not list(bundle.folder.glob("probe-*"))
    assert len(list(bundle.folder.glob("*.onnx"))) == 6
    for path in bundle.folder.glob("*.onnx"):
        require_sound(path)


def test_float32_stays_what_a_controller_opens(bundle: Bundle) -> None:
    assert bundle.variant(4, 2).precision == "float32"
    assert bundle.manifest.particle_counts == (4,)


def test_bfloat16_is_measured_where_a_backend_computes_it(run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    bundle = export_run(run, tmp_path / "low", precisions=("float32", "bfloat16"))
    by_backend = {entry["backend"]: entry for entry in bundle.receipt()["precisions"]}
    assert all(check["passed"] for check in by_backend["openvino-cpu"]["checks"])
    assert by_backend["openvino-cpu"]["rounded"] == "weights and activations"
    refused = by_backend["onnxruntime-cpu"]["refused"]
    assert refused.startswith("reference-n4-k2-bfloat16.onnx: ONNX Runtime")
    assert "cannot compute this precision" in refused
    with pytest.raises(MachineError, match="choose another backend, such as openvino-cpu"):
        load_backend("onnxruntime-cpu")(bundle, bundle.variant(4, 2, "bfloat16"), threads=1)


def test_beyond_the_limits_it_is_refused_or_marked(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "SMALLEST_MEDIAN_COSINE", 1.5)
    with pytest.raises(ExportError, match=r"float16 at N = 4 is beyond .*median: .*, expected at least 1.5.*insist"):
        export_run(run, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []
    bundle = export_run(run, tmp_path / "kept", accept_precision=True)
    assert bundle.manifest.provenance[ACCEPTED] == ["float16"]
    assert not all(check["passed"] for check in bundle.receipt()["precisions"][0]["checks"])


def test_without_a_backend_that_computes_it_there_is_no_bundle(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.precision.receipt.installed_backends", lambda: ["onnxruntime-cpu"])
    with pytest.raises(ExportError, match=r"No backend on this machine computes bfloat16.*vgf-robot\[openvino\]"):
        export_run(run, tmp_path / "low", precisions=("float32", "bfloat16"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", installed_backends())
def test_float16_on_a_cpu_rounds_the_weights_alone(name: str, tmp_path: Path) -> None:
    """What `rounded` in a receipt says; where this fails, a backend has learnt float16, and the table is to follow."""
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((WIDTH, WIDTH), np.float32)
    x = generator.standard_normal((8, WIDTH), np.float32)
    info = [onnx.helper.make_tensor_value_info(each, onnx.TensorProto.FLOAT, x.shape) for each in ("x", "y")]
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = onnx.helper.make_graph(nodes, "test", info[:1], info[1:], [onnx.numpy_helper.from_array(weight, "w")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    assert lower(model, "float16") == 1
    onnx.save(model, tmp_path / "product.onnx")
    found = run_product(name, tmp_path / "product.onnx", x)
    np.testing.assert_allclose(found, x @ weight.astype(np.float16).astype(np.float32), atol=1e-4)


def run_product(name: str, path: Path, x: np.ndarray) -> np.ndarray:
    signature = Signature({"x": x.shape}, {"y": x.shape})
    inputs, outputs = {"x": x}, empty_buffers(signature.outputs)
    if name == "onnxruntime-cpu":
        bound = backends.BoundGraph(backends.open_session(path, signature, 1), inputs, outputs)
    else:
        module = pytest.importorskip("vgf_robot.backends.openvino_model")
        bound = module.BoundRequest(module.compile_graph(path, signature, 1), inputs, outputs)
    bound.run()
    return outputs["y"]


class Distorted:
    """Graphs whose answers are off."""

    def __init__(self, graphs, **changes) -> None:
        self._graphs, self._changes = graphs, changes

    def reference(self, *inputs):
        return self._graphs.reference(*inputs)

    def step(self, *inputs):
        result = self._graphs.step(*inputs)
        return self._changes.get("step", lambda r: r)(result)

    def select(self, *inputs):
        result = self._graphs.select(*inputs)
        return self._changes.get("select", lambda r: r)(result)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"step": lambda r: dataclasses.replace(r, first_moment=-r.first_moment)}, "cosine of the value gradient"),
        ({"step": lambda r: dataclasses.replace(r, first_moment=r.first_moment * np.nan)}, "median: -inf"),
        ({"select": lambda r: dataclasses.replace(r, index=int(np.argmin(r.values)))}, "regret of the choice"),
    ],
)
def test_a_distortion_is_found(run: RunFolder, bundle: Bundle, changes: dict, words: str) -> None:
    variant = bundle.variant(4, 2)
    full, other = (load_backend("onnxruntime-cpu")(bundle, variant, threads=1) for _ in range(2))
    low = Distorted(other, **changes)
    observations = run.sample()["observations"][:8].numpy()
    found = failures(check_precision(Pair(low=low, full=full, low_probe=low, full_probe=full), observations, (4, 2), 2))
    assert (words in found) if words else found == ""


@pytest.mark.parametrize("text", ["bfloat16", "float32,int8", "", "float32,"])
def test_what_is_no_list_of_precisions_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--precisions: expected float32 and any of bfloat16, float16"):
        precisions(text)


def test_float32_comes_first() -> None:
    assert precisions("float16,float32") == ("float32", "float16")
    assert precisions(None) == ("float32",)


def test_sealing_refuses_precisions(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--out", str(tmp_path / "x"), "--cap-from", "e.json", "--accept-precision"]
    with pytest.raises(ConfigError, match="cannot heed --accept-precision"):
        export.main(arguments)


def test_an_unknown_precision_of_a_bundle_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BudgetError, match="no variant"):
        bundle.variant(4, 2, "bfloat16")
