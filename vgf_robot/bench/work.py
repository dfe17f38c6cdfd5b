"""How much work a tick is, counted from its graphs: operations and bytes of the matrix products."""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import MachineError

PRODUCTS = ("Gemm", "MatMul")


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product (rows, inner) @ (inner, columns).

    Attributes:
        rows: Rows of the activation.
        inner: The axis that is summed over.
        columns: Columns of the weight.
        bytes_per_number: Of what is read.
    """

    rows: int
    inner: int
    columns: int
    bytes_per_number: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns

    @property
    def num_bytes(self) -> int:
        """Read and written once each."""
        numbers = self.rows * self.inner + self.inner * self.columns + self.rows * self.columns
        return numbers * self.bytes_per_number


@dataclass(frozen=True, slots=True)
class Work:
    """The products of a variant's graphs; each graph's Counter holds how often a product stands in it."""

    reference: Counter[Product]
    step: Counter[Product]
    select: Counter[Product]

    def operations(self, steps: int) -> int:
        """Return the operations of a tick of so many steps."""
        return sum(product.operations * count for product, count in self._tick(steps).items())

    def num_bytes(self, steps: int) -> int:
        """Return the bytes of a tick of so many steps."""
        return sum(product.num_bytes * count for product, count in self._tick(steps).items())

    def heaviest(self) -> tuple[Product, int]:
        """Return the product with the most operations in the step graph, and how often it stands there."""
        return max(self.step.items(), key=lambda item: item[0].operations * item[1])

    def _tick(self, steps: int) -> Counter[Product]:
        return self.reference + self.select + Counter({each: count * steps for each, count in self.step.items()})


def count_work(bundle: Bundle, variant: Variant) -> Work:
    """Count the matrix products of a variant's graphs.

    Raises:
        MachineError: The package `onnx`, which reads the graphs, is not installed.
    """
    onnx = load_onnx()
    files = (variant.reference, variant.step, variant.select)
    return Work(*(_products(onnx, bundle.folder / file) for file in files))


def load_onnx() -> Any:
    """Import the package that reads graphs; no robot needs it otherwise.

    Raises:
        MachineError: It is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ModuleNotFoundError as error:
        raise MachineError(
            "Counting a graph's work needs the Python package 'onnx'; run `pip install onnx`."
        ) from error


def _products(onnx: Any, path: Path) -> Counter[Product]:
    graph = onnx.shape_inference.infer_shapes(onnx.load(path, load_external_data=False)).graph
    tensors = _tensors(graph)
    found: Counter[Product] = Counter()
    for node in graph.node:
        if node.op_type in PRODUCTS:
            found[_product(node, tensors)] += 1
    return found


def _product(node: Any, tensors: Mapping[str, tuple[tuple[int, ...], int]]) -> Product:
    shape, kind = tensors[node.input[0]]
    transposed = any(each.name == "transA" and each.i for each in node.attribute)
    inner = shape[0] if transposed else shape[-1]
    columns = tensors[node.output[0]][0][-1]
    return Product(math.prod(shape) // inner, inner, columns, 2 if kind in (10, 16) else 4)


def _tensors(graph: Any) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return shape and ONNX's number of the type by name; 10 is float16, 16 bfloat16."""
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor = value.type.tensor_type
        found[value.name] = (tuple(axis.dim_value for axis in tensor.shape.dim), tensor.elem_type)
    for tensor in graph.initializer:
        found[tensor.name] = (tuple(tensor.dims), tensor.data_type)
    return found
