"""Low precision in the graph: the large matrix products take their inputs in bfloat16 or float16, all else float32."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.precision.settings import LowPrecision
from vgf_robot.errors import ExportError

SMALLEST_AXIS = 64
"""A weight with a shorter axis stays float32: first and last layers, in which there is little work and much to lose.
With the 8 bits of bfloat16 a value of -100 could only change by halves."""

TYPES = {"bfloat16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16), "float16": (TensorProto.FLOAT16, np.float16)}


def lower(model: onnx.ModelProto, precision: LowPrecision) -> int:
    """Let the products with large weights compute in a low precision, in place.

    Each becomes Cast, MatMul with weights stored in the low type, Cast back, and the addition of its bias in float32.
    Products of two activations, those of the kernel, are left alone.

    Args:
        model: A graph in float32, as the exporter wrote it, its weights inside.
        precision: The type of the products' inputs.

    Returns:
        How many products compute in it now.

    Raises:
        ExportError: A product is scaled or transposed in a way that the exporter never wrote.
    """
    lowering = _Lowering(model, precision)
    nodes = [made for node in model.graph.node for made in lowering.replace(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(lowering.weights)
    _drop_unused(model)
    return lowering.count


class _Lowering:
    """What is known of a graph while its products are replaced one by one."""

    def __init__(self, model: onnx.ModelProto, precision: LowPrecision) -> None:
        self.count = 0
        self.weights: list[TensorProto] = []
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._producers = {name: node for node in model.graph.node for name in node.output}
        self._onnx_type, self._numpy_type = TYPES[precision]
        self._suffix = f"_{precision}"
        self._made: set[str] = set()

    def replace(self, node: NodeProto) -> list[NodeProto]:
        """Return what stands in a node's place: itself, or the same product in the low type."""
        if node.op_type not in ("Gemm", "MatMul"):
            return [node]
        name, transposed = self._weight(node.input[1])
        if name is None or min(self._tensors[name].dims) < SMALLEST_AXIS:
            return [node]
        if node.op_type == "Gemm":
            transposed ^= _transposed_by_gemm(node)
        self.count += 1
        product, biased = f"{node.output[0]}{self._suffix}", node.op_type == "Gemm" and len(node.input) > 2
        activation, cast_back = self._once("Cast", node.input[0], to=self._onnx_type)
        weight, transpose = self._low_weight(name, transposed)
        output = f"{product}_float32" if biased else node.output[0]
        nodes = [
            *cast_back,
            *transpose,
            helper.make_node("MatMul", [activation, weight], [product], name=product),
            helper.make_node("Cast", [product], [output], name=f"{product}_back", to=TensorProto.FLOAT),
        ]
        if biased:
            nodes.append(helper.make_node("Add", [output, node.input[2]], [node.output[0]], name=f"{product}_bias"))
        return nodes

    def _weight(self, tensor: str) -> tuple[str | None, bool]:
        """Return the weight behind a tensor, and whether it is transposed on the way; None where there is none."""
        transposed = False
        while tensor in self._producers and self._producers[tensor].op_type == "Transpose":
            tensor, transposed = self._producers[tensor].input[0], not transposed
        found = self._tensors.get(tensor)
        return (tensor, transposed) if found is not None and len(found.dims) == 2 else (None, False)

    def _low_weight(self, name: str, transposed: bool) -> tuple[str, list[NodeProto]]:
        low = f"{name}{self._suffix}"
        if low not in self._made:
            self._made.add(low)
            values: NDArray[np.float32] = numpy_helper.to_array(self._tensors[name])
            self.weights.append(numpy_helper.from_array(values.astype(self._numpy_type), low))
        return self._once("Transpose", low, perm=[1, 0]) if transposed else (low, [])

    def _once(self, kind: str, tensor: str, **attributes: Any) -> tuple[str, list[NodeProto]]:
        """Return a tensor's conversion, and the node that makes it where none did before."""
        output = f"{tensor}_{kind.lower()}{self._suffix}"
        if output in self._made:
            return output, []
        self._made.add(output)
        return output, [helper.make_node(kind, [tensor], [output], name=output, **attributes)]


def _transposed_by_gemm(node: NodeProto) -> bool:
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if (attributes.get("alpha", 1.0), attributes.get("beta", 1.0), attributes.get("transA", 0)) != (1.0, 1.0, 0):
        raise ExportError(
            f"Gemm '{node.output[0]}': expected neither scale nor transposed activation, found {attributes}; "
            "export in float32, and report this."
        )
    return bool(attributes.get("transB", 0))


def _drop_unused(model: onnx.ModelProto) -> None:
    """Remove the weights that only float32 used, and the transpositions of them."""
    graph = model.graph
    kept = {each.name for each in graph.output}
    nodes: list[NodeProto] = []
    for node in reversed(graph.node):
        if kept.intersection(node.output):
            kept.update(node.input)
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(reversed(nodes))
    tensors = [tensor for tensor in graph.initializer if tensor.name in kept]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    infos = [info for info in graph.value_info if info.name in kept]
    del graph.value_info[:]
    graph.value_info.extend(infos)
