"""One ONNX Runtime session on the CPU, checked against its signature and bound to fixed memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from vgf_robot.backends.signature import Shape, Signature, dtype_of
from vgf_robot.errors import BundleError

Buffers = dict[str, NDArray[Any]]


def open_session(path: Path, signature: Signature, threads: int) -> Any:
    """Load a graph and check its inputs and outputs.

    Args:
        path: The .onnx file.
        signature: What the manifest says the graph looks like.
        threads: Threads within one operator.

    Raises:
        BundleError: The file is no graph, or not this one.
    """
    ort: Any = onnxruntime
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Spinning threads would take the core that the robot's own control loop waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        raise BundleError(
            f"{path}: expected a graph that ONNX Runtime {ort.__version__} loads, found: {error}; "
            f"export the bundle again, or update onnxruntime."
        ) from error
    _verify(path, "inputs", session.get_inputs(), signature.inputs)
    _verify(path, "outputs", session.get_outputs(), signature.outputs)
    return session


def empty_buffers(shapes: Mapping[str, Shape]) -> Buffers:
    """Return one zeroed array per tensor."""
    return {name: np.zeros(shape, dtype_of(name)) for name, shape in shapes.items()}


class BoundGraph:
    """A session that reads from and writes to fixed arrays.

    Attributes:
        inputs: Fill these before `run`.
        outputs: Filled by `run`.
    """

    def __init__(self, session: Any, inputs: Buffers, outputs: Buffers) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._session = session
        self._binding = session.io_binding()
        for name, array in inputs.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            self._binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)

    def run(self) -> None:
        """Run the graph once."""
        self._session.run_with_iobinding(self._binding)


def _verify(path: Path, role: str, nodes: Any, expected: Mapping[str, Shape]) -> None:
    found = {node.name: (tuple(node.shape), _dtype(node.type)) for node in nodes}
    wanted = {name: (shape, dtype_of(name)) for name, shape in expected.items()}
    if found == wanted:
        return
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise BundleError(
                f"{path}, {role}: expected {_words(name, wanted)}, found {_words(name, found)}; "
                f"export the bundle again so that its graphs match its manifest."
            )


def _words(name: str, tensors: Mapping[str, tuple[Shape, str]]) -> str:
    if name not in tensors:
        return f"no '{name}'"
    shape, dtype = tensors[name]
    return f"'{name}' {dtype} {shape}"


def _dtype(onnx_type: str) -> str:
    return {"tensor(float)": "float32", "tensor(int64)": "int64"}.get(onnx_type, onnx_type)
