"""One OpenVINO model on the CPU, checked against its signature and bound to fixed memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.passes  # pyright: ignore[reportMissingTypeStubs]

from vgf_robot.backends.bound import Buffers
from vgf_robot.backends.signature import Shape, Signature, verify_tensors
from vgf_robot.errors import BundleError

ov: Any = openvino
passes: Any = openvino.passes


def compile_graph(path: Path, signature: Signature, threads: int) -> Any:
    """Load a graph, check its inputs and outputs, and compile it.

    Args:
        path: The .onnx file.
        signature: What the manifest says the graph looks like.
        threads: Threads within one operator; with one, all work is done by the thread that calls.

    Raises:
        BundleError: The file is no graph, or not this one.
    """
    core = _core()
    try:
        model = core.read_model(str(path))
        _fold_constants(model)
        compiled = core.compile_model(model, "CPU", _properties(threads))
    except RuntimeError as error:
        raise BundleError(
            f"{path}: expected a graph that OpenVINO {version()} loads, found: "
            f"{' '.join(str(error).split())}; export the bundle again, or update openvino."
        ) from error
    verify_tensors(path, "inputs", _tensors(compiled.inputs, signature.inputs), signature.inputs)
    verify_tensors(path, "outputs", _tensors(compiled.outputs, signature.outputs), signature.outputs)
    return compiled


def version() -> str:
    """Return the version of OpenVINO."""
    return str(ov.get_version()).split("-")[0]


@cache
def _core() -> Any:
    """Return the one core of this process, which lives as long as it does.

    OpenVINO's CPU plugin gives the thread a signal stack of its own and frees it when its last core goes: the next
    signal, such as the SIGTERM that stops a server, then crashes the process (2026.4).
    """
    core = ov.Core()
    # A mapped weights file that is replaced on disk would change the network under a robot that moves.
    core.set_property({"ENABLE_MMAP": False})
    return core


class BoundRequest:
    """An inference request that reads from and writes to fixed arrays.

    Attributes:
        inputs: Fill these before `run`.
        outputs: Filled by `run`.
    """

    def __init__(self, compiled: Any, inputs: Buffers, outputs: Buffers) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._request = compiled.create_infer_request()
        for name, array in (*inputs.items(), *outputs.items()):
            # With its shape: without, the tensor of a scalar has one axis; and 2025.2 takes no array without one.
            self._request.set_tensor(name, ov.Tensor(np.atleast_1d(array), ov.Shape(array.shape)))

    def run(self, chained: bool = False) -> None:
        """Run the graph once, in this thread; results are in `outputs`, and no copy of them is made."""
        self._request.infer(share_outputs=True)


def _fold_constants(model: Any) -> None:
    """Write out every transposed weight, once.

    A step graph multiplies by a weight on the way forward and by its transpose on the way back. Left to itself,
    OpenVINO (2026.4, CPU) skips the transposition of a square one: values are right, their gradient is another.

    Folding writes a tensor for every use. The ten steps of a reference would read ten copies of its weights, more than
    caches hold: it took twice as long. OpenVINO packs a weight once where its uses share a tensor.
    """
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)
    first: dict[tuple[str, tuple[int, ...], bytes], Any] = {}
    for operation in model.get_ordered_ops():
        if operation.get_type_name() == "Constant":
            kind, shape = str(operation.get_element_type()), tuple(operation.get_output_shape(0))
            same = first.setdefault((kind, shape, operation.data.tobytes()), operation)
            for use in operation.output(0).get_target_inputs() if same is not operation else ():
                use.replace_source_output(same.output(0))


def _properties(threads: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        # Which cores are used is the process's own decision: see vgf_robot.realtime.
        "ENABLE_CPU_PINNING": False,
        "ENABLE_CPU_RESERVATION": False,
        "ENABLE_HYPER_THREADING": False,
        # Without it bfloat16 is chosen wherever the CPU has it, for the kernel and the optimiser as well.
        "INFERENCE_PRECISION_HINT": "f32",
        # Compiling a one-particle reference graph for one thread crashed the process (2026.4) where generated code may
        # join layers whose weights are used again. Without it ticks take the same time.
        "SNIPPETS_MODE": "DISABLE",
    }


def _tensors(ports: Any, expected: Mapping[str, Shape]) -> dict[str, tuple[Shape, str]]:
    """Return shape and type by name; a port has the names of everything that was found to equal it."""
    found: dict[str, tuple[Shape, str]] = {}
    for port in ports:
        names: list[str] = sorted(port.names)
        name = next((each for each in names if each in expected), names[0])
        found[name] = (_shape(port.partial_shape), str(np.dtype(port.element_type.to_dtype())))
    return found


def _shape(partial: Any) -> Shape:
    return tuple(axis.get_length() if axis.is_static else -1 for axis in partial)
