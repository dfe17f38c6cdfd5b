"""One ONNX Runtime session on the CPU, checked against its signature and bound to fixed memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from vgf_robot.backends.bound import Buffers
from vgf_robot.backends.signature import Shape, Signature, verify_tensors
from vgf_robot.errors import BundleError, MachineError

NO_KERNEL = "NOT_IMPLEMENTED"


def open_session(path: Path, signature: Signature, threads: int) -> Any:
    """Load a graph and check its inputs and outputs.

    Args:
        path: The .onnx file.
        signature: What the manifest says the graph looks like.
        threads: Threads within one operator.

    Raises:
        BundleError: The file is no graph, or not this one.
        MachineError: ONNX Runtime has no kernel for the graph's precision.
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
        if NO_KERNEL in str(error):
            raise MachineError(
                f"{path}: ONNX Runtime {ort.__version__} cannot compute this precision on the CPU ({error}); choose "
                "another backend, such as openvino-cpu, or the bundle's float32."
            ) from error
        raise BundleError(
            f"{path}: expected a graph that ONNX Runtime {ort.__version__} loads, found: {error}; "
            f"export the bundle again, or update onnxruntime."
        ) from error
    require_signature(path, session, signature)
    return session


def version() -> str:
    """Return the version of ONNX Runtime."""
    ort: Any = onnxruntime
    return str(ort.__version__)


def require_signature(path: Path, session: Any, signature: Signature) -> None:
    """Refuse a session whose inputs and outputs are not those of the manifest.

    Raises:
        BundleError: The first tensor that differs.
    """
    verify_tensors(path, "inputs", _tensors(session.get_inputs()), signature.inputs)
    verify_tensors(path, "outputs", _tensors(session.get_outputs()), signature.outputs)


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

    def run(self, chained: bool = False) -> None:
        """Run the graph once; here every input is in its place anyway."""
        self._session.run_with_iobinding(self._binding)


def _tensors(nodes: Any) -> dict[str, tuple[Shape, str]]:
    return {node.name: (tuple(node.shape), _dtype(node.type)) for node in nodes}


def _dtype(onnx_type: str) -> str:
    return {"tensor(float)": "float32", "tensor(int64)": "int64"}.get(onnx_type, onnx_type)
