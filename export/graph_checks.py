"""What every exported graph must be, on whatever device it will run: checked before it is kept, without a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from export.tensorrt_operators import OPERATORS, SOURCE
from vgf_robot.errors import ExportError

OPSET = 20  # the newest that ONNX Runtime 1.23 (Python 3.10 on JetPack 6) takes
IR_VERSION = 10
CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})
TYPES = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.INT64: "int64",
    TensorProto.INT32: "int32",
    TensorProto.BOOL: "bool",
}


def require_sound(path: Path) -> None:
    """Check a graph's file, with the weights beside it.

    Args:
        path: The .onnx file.

    Raises:
        ExportError: The checker refuses it, or a device could not take it; all reasons in one sentence.
    """
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"{path.name}: the ONNX checker refuses it: {' '.join(str(error).split())}") from error
    found = faults(onnx.load(path, load_external_data=False))
    if found:
        raise ExportError(
            f"{path.name}: {'; '.join(found)}. Expected a graph of static shapes in opset {OPSET} that every backend "
            "takes; change the networks' operations, or report this."
        )


def faults(model: onnx.ModelProto) -> list[str]:
    """Return what is wrong with a graph, one half-sentence each; empty where nothing is."""
    found = [*_versions(model), *_operators(model)]
    return found or [*_tensors(model)]  # shapes are only known of operators that are


def _versions(model: onnx.ModelProto) -> Iterator[str]:
    opsets = {each.domain: each.version for each in model.opset_import}
    if opsets != {"": OPSET}:
        yield f"expected opset {OPSET} alone, found {opsets}"
    if model.ir_version != IR_VERSION:
        yield f"expected IR version {IR_VERSION}, found {model.ir_version}"
    if model.functions:
        yield f"expected no functions, found {sorted(each.name for each in model.functions)}"


def _operators(model: onnx.ModelProto) -> Iterator[str]:
    used = {node.op_type for node in model.graph.node}
    branching = {name for name in used if name in CONTROL_FLOW or "Sequence" in name or "Optional" in name}
    if branching:
        yield f"expected no control flow and no sequences, found {sorted(branching)}"
    unknown = used - OPERATORS - branching
    if unknown:
        yield f"operators that TensorRT does not take ({SOURCE}): {sorted(unknown)}"


def _tensors(model: onnx.ModelProto) -> Iterator[str]:
    graph = onnx.shape_inference.infer_shapes(model).graph  # the exporter leaves out the shapes of some constants
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor = value.type.tensor_type
        if not tensor.HasField("shape") or not all(axis.HasField("dim_value") for axis in tensor.shape.dim):
            yield f"'{value.name}' has no static shape"
        if tensor.elem_type not in TYPES:
            yield f"'{value.name}' is {_type_name(tensor.elem_type)}"
    for name, kind in (*_constants(model), *_casts(model)):
        if kind not in TYPES:
            yield f"'{name}' is {_type_name(kind)}"


def _constants(model: onnx.ModelProto) -> Iterable[tuple[str, int]]:
    for tensor in model.graph.initializer:
        yield tensor.name, tensor.data_type
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield node.output[0], attribute.t.data_type


def _casts(model: onnx.ModelProto) -> Iterable[tuple[str, int]]:
    for node in model.graph.node:
        if node.op_type == "Cast":
            yield from ((node.output[0], attribute.i) for attribute in node.attribute if attribute.name == "to")


def _type_name(kind: int) -> str:
    return "float64" if kind == TensorProto.DOUBLE else TensorProto.DataType.Name(kind).lower()
