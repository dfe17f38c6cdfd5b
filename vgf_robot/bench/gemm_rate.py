"""How fast this device multiplies matrices of a tick's shape, with nothing around them: the roof of a tick."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vgf_robot import backends
from vgf_robot.backends import Signature, empty_buffers
from vgf_robot.bench.work import Product, load_onnx

WARM_UPS = 10
RUNS = 50
NS_PER_S = 1e9


def gemm_rate(product: Product, count: int, threads: int) -> float:
    """Measure float32 products on ONNX Runtime, each with a weight of its own, as in a step.

    With as many weights as a step has, they lie where a step's lie: in a cache, or in memory.

    Args:
        product: Its shape.
        count: How many of them.
        threads: Threads within one product.

    Returns:
        Operations per second, from the median of 50 runs.

    Raises:
        MachineError: The package `onnx` is not installed.
    """
    signature = Signature({"x": (product.rows, product.inner)}, {"y": (product.rows, product.columns)})
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        path = Path(folder) / "products.onnx"
        path.write_bytes(_graph(load_onnx(), product, count))
        inputs, outputs = empty_buffers(signature.inputs), empty_buffers(signature.outputs)
        session = backends.open_session(path, signature, threads)
        bound = backends.BoundGraph(session, inputs, outputs)
    inputs["x"][...] = 1.0
    durations_ns: list[int] = []
    for _ in range(WARM_UPS + RUNS):
        start_ns = time.monotonic_ns()
        bound.run()
        durations_ns.append(time.monotonic_ns() - start_ns)
    return product.operations * count * NS_PER_S / float(np.median(durations_ns[WARM_UPS:]))


def _graph(onnx: Any, product: Product, count: int) -> bytes:
    """Return x times each of `count` weights, summed up."""
    helper, generator = onnx.helper, np.random.default_rng(0)
    names = [f"product{number}" for number in range(count)]
    weights = [generator.standard_normal((product.inner, product.columns), np.float32) for _ in names]
    nodes = [helper.make_node("MatMul", ["x", f"weight{number}"], [name]) for number, name in enumerate(names)]
    graph = helper.make_graph(
        [*nodes, helper.make_node("Sum", names, ["y"])],
        "products",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (product.rows, product.inner))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (product.rows, product.columns))],
        [onnx.numpy_helper.from_array(weight, f"weight{number}") for number, weight in enumerate(weights)],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
