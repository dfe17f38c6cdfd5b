"""A graph as TensorRT's ONNX parser takes it: its weights inside, and normalisations with one output each."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from vgf_robot.errors import BundleError, MachineError


def self_contained(path: Path) -> bytes:
    """Return a graph in one piece, without what the parser does not take.

    The step graphs also use the mean and the inverse deviation that `LayerNormalization` gives; the parser supports its
    first output only (onnx-tensorrt, docs/operators.md), so these two are computed beside it.

    Args:
        path: The .onnx file, its weights in files beside it.

    Raises:
        BundleError: The file is no graph.
        MachineError: The package `onnx` is not installed.
    """
    onnx = _load_onnx()
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's errors come from another package and differ by its version
        raise BundleError(f"{path}: expected an ONNX graph, found: {error}; export the bundle again.") from error
    nodes = [made for node in model.graph.node for made in _with_one_output(onnx, node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString(deterministic=True))


def _with_one_output(onnx: Any, node: Any) -> list[Any]:
    """Return what stands in a node's place: itself, or a normalisation and what computes its other outputs.

    Source: ONNX, LayerNormalization-17: Mean = ReduceMean(X), D = X - Mean, InvStdDev = 1 / Sqrt(ReduceMean(D * D) +
    epsilon), all over the axes from `axis` on.
    """
    if node.op_type != "LayerNormalization" or not any(node.output[1:]):
        return [node]
    make, attributes = onnx.helper.make_node, {each.name: each for each in node.attribute}
    axis = attributes["axis"].i if "axis" in attributes else -1
    if axis != -1:
        raise BundleError(
            f"LayerNormalization '{node.output[0]}': expected the last axis, found axis {axis}; report this graph."
        )
    epsilon = attributes["epsilon"].f if "epsilon" in attributes else 1e-5
    x, stem = node.input[0], node.output[0]
    mean, inverse_deviation = [*node.output[1:], "", ""][:2]
    mean, inverse_deviation = mean or f"{stem}_mean", inverse_deviation or f"{stem}_inverse_deviation"
    names = {each: f"{stem}_{each}" for each in ("axes", "epsilon", "offset", "square", "variance", "shifted", "root")}
    tensor = onnx.helper.make_tensor
    axes = tensor(names["axes"], onnx.TensorProto.INT64, [1], [-1])
    small = tensor(names["epsilon"], onnx.TensorProto.FLOAT, [], [epsilon])
    del node.output[1:]
    return [
        node,
        make("Constant", [], [names["axes"]], value=axes),
        make("Constant", [], [names["epsilon"]], value=small),
        make("ReduceMean", [x, names["axes"]], [mean], keepdims=1),
        make("Sub", [x, mean], [names["offset"]]),
        make("Mul", [names["offset"], names["offset"]], [names["square"]]),
        make("ReduceMean", [names["square"], names["axes"]], [names["variance"]], keepdims=1),
        make("Add", [names["variance"], names["epsilon"]], [names["shifted"]]),
        make("Sqrt", [names["shifted"]], [names["root"]]),
        make("Reciprocal", [names["root"]], [inverse_deviation]),
    ]


def _load_onnx() -> Any:
    try:
        return importlib.import_module("onnx")
    except ModuleNotFoundError as error:
        raise MachineError(
            "TensorRT's backends need the Python package 'onnx'; run `pip install 'vgf-robot[tensorrt]'`."
        ) from error
