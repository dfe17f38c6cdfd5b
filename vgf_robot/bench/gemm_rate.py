"""How fast this device multiplies matrices of a tick's shape, with nothing around them: the roof of a tick."""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vgf_robot import backends
from vgf_robot.backends import Signature, empty_buffers
from vgf_robot.bench.work import Product, load_onnx
from vgf_robot.receipts import FLOAT32, STANDARD

WARM_UPS = 10
RUNS = 50
NS_PER_S = 1e9
COPIED_BYTES = 2**28  # far more than any cache holds
COPIES = 5
ONNX_TYPES = {"float32": "FLOAT", "bfloat16": "BFLOAT16", "float16": "FLOAT16"}


def gemm_rate(
    product: Product, count: int, threads: int, backend: str = STANDARD, precision: str = FLOAT32
) -> float | None:
    """Measure products, each with a weight of its own, as in a step.

    With as many weights as a step has, they lie where a step's lie: in a cache, or in memory.

    Args:
        product: Its shape.
        count: How many of them.
        threads: Threads within one product.
        backend: What runs them.
        precision: Of what is multiplied.

    Returns:
        Operations per second, from the median of 50 runs; None for a backend that is not measured, as those of a GPU.

    Raises:
        MachineError: The package `onnx` is not installed.
    """
    signature = Signature({"x": (product.rows, product.inner)}, {"y": (product.rows, product.columns)})
    inputs, outputs = empty_buffers(signature.inputs), empty_buffers(signature.outputs)
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        path = Path(folder) / "products.onnx"
        path.write_bytes(_graph(load_onnx(), product, count, precision))
        if backend == STANDARD:
            bound: Any = backends.BoundGraph(backends.open_session(path, signature, threads), inputs, outputs)
        elif backend == "openvino-cpu":
            module = importlib.import_module("vgf_robot.backends.openvino_model")
            bound = module.BoundRequest(module.compile_graph(path, signature, threads), inputs, outputs)
        else:
            return None
    inputs["x"][...] = 1.0
    durations_ns: list[int] = []
    for _ in range(WARM_UPS + RUNS):
        start_ns = time.monotonic_ns()
        bound.run()
        durations_ns.append(time.monotonic_ns() - start_ns)
    return product.operations * count * NS_PER_S / float(np.median(durations_ns[WARM_UPS:]))


def memory_rate() -> float:
    """Measure copying within memory on one thread.

    Returns:
        Bytes per second, those read and those written together; the best of five copies.
    """
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.zeros_like(source)
    durations_ns: list[int] = []
    for _ in range(COPIES):
        start_ns = time.monotonic_ns()
        np.copyto(target, source)
        durations_ns.append(time.monotonic_ns() - start_ns)
    return 2.0 * COPIED_BYTES * NS_PER_S / min(durations_ns)


def _graph(onnx: Any, product: Product, count: int, precision: str) -> bytes:
    """Return x times each of `count` weights, summed up; in a low precision, with what is multiplied in it."""
    helper, generator = onnx.helper, np.random.default_rng(0)
    single, kind = onnx.TensorProto.FLOAT, getattr(onnx.TensorProto, ONNX_TYPES[precision])
    numpy_type = helper.tensor_dtype_to_np_dtype(kind)
    names = [f"product{number}" for number in range(count)]
    weights = [generator.standard_normal((product.inner, product.columns), np.float32) for _ in names]
    nodes = [helper.make_node("Cast", ["x"], ["x_cast"], to=kind)]
    for number, name in enumerate(names):
        nodes.append(helper.make_node("MatMul", ["x_cast", f"weight{number}"], [f"{name}_low"]))
        nodes.append(helper.make_node("Cast", [f"{name}_low"], [name], to=single))
    graph = helper.make_graph(
        [*nodes, helper.make_node("Sum", names, ["y"])],
        "products",
        [helper.make_tensor_value_info("x", single, (product.rows, product.inner))],
        [helper.make_tensor_value_info("y", single, (product.rows, product.columns))],
        [
            onnx.numpy_helper.from_array(weight.astype(numpy_type), f"weight{number}")
            for number, weight in enumerate(weights)
        ],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
