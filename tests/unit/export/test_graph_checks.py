"""Graphs that some device could not take are refused, and those that are shipped are none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.graph_checks import IR_VERSION, OPSET, faults, require_sound
from export.tensorrt_operators import OPERATORS, restrictions
from vgf_robot.bench import SYNTHETIC, synthetic_bundle
from vgf_robot.bundle import Bundle, shipped_names
from vgf_robot.errors import ExportError


def model(nodes=None, *, shape=(2,), kind=TensorProto.FLOAT, constants=(), opset=OPSET, ir_version=IR_VERSION):
    nodes = nodes or [helper.make_node("Relu", ["x"], ["y"])]
    info = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "test", info[:1], info[1:], list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def node(kind, *, to=None):
    return [helper.make_node(kind, ["x"], ["y"], **({} if to is None else {"to": to}))]


def test_a_plain_graph_has_no_fault() -> None:
    assert faults(model()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"opset": 21}, "expected opset 20 alone, found {'': 21}"),
        ({"ir_version": 11}, "expected IR version 10, found 11"),
        ({"nodes": node("Det")}, "operators that TensorRT does not take (onnx-tensorrt 10.1-GA"),
        ({"nodes": node("Loop")}, "no control flow and no sequences, found ['Loop']"),
        ({"nodes": node("SequenceConstruct")}, "no control flow and no sequences, found ['SequenceConstruct']"),
        ({"shape": ("batch",)}, "'x' has no static shape"),
        ({"kind": TensorProto.DOUBLE}, "'x' is float64"),
        ({"nodes": node("Cast", to=TensorProto.DOUBLE)}, "'y' is float64"),
        ({"constants": [numpy_helper.from_array(np.zeros(2), "w")]}, "'w' is float64"),
    ],
)
def test_every_fault_has_its_words(changes: dict, sentence: str) -> None:
    assert any(sentence in fault for fault in faults(model(**changes)))


def test_a_faulty_file_is_refused(tmp_path: Path) -> None:
    onnx.save(model(nodes=node("Det"), shape=(2, 2)), tmp_path / "step.onnx")
    with pytest.raises(ExportError, match=r"step\.onnx: .*checker|step\.onnx: operators that TensorRT"):
        require_sound(tmp_path / "step.onnx")


def test_the_table_has_what_graphs_use_and_not_what_the_parser_lacks() -> None:
    assert {"Gemm", "MatMul", "TopK", "LayerNormalization", "CastLike", "Reciprocal"} <= OPERATORS
    assert not {"Det", "SequenceAt", "Bernoulli"} & OPERATORS


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_bundles_are_sound(name: str) -> None:
    bundle = Bundle.load(name)
    for variant in bundle.manifest.variants:
        for file in (variant.reference, variant.step, variant.select):
            require_sound(bundle.folder / file)


def test_synthetic_graphs_are_sound(tmp_path: Path) -> None:
    bundle = synthetic_bundle(tmp_path / "synthetic")
    for path in sorted(SYNTHETIC.glob("*.onnx")):
        require_sound(bundle.folder / path.name)


def test_what_tensorrt_restricts_is_known_of_shipped_graphs() -> None:
    bundle = Bundle.load("cube-single-play")
    variant = bundle.manifest.variants[0]
    assert restrictions(onnx.load(bundle.folder / variant.reference, load_external_data=False)) == []
    (only,) = restrictions(onnx.load(bundle.folder / variant.step, load_external_data=False))
    assert only.startswith("LayerNormalization: mean and inverse deviation are used")
