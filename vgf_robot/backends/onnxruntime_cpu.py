"""The graphs on the CPU through ONNX Runtime."""

from __future__ import annotations

from vgf_robot.backends.bound import BoundGraphs, Buffers, require_threads
from vgf_robot.backends.onnxruntime_session import BoundGraph, open_session, version
from vgf_robot.backends.signature import variant_signatures
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.results import device_facts


def open_onnxruntime_cpu(bundle: Bundle, variant: Variant, *, threads: int = 1) -> BoundGraphs:
    """Open one session per graph, bound once to memory that every tick reuses; see `Backend`.

    `run` with a dictionary of inputs would also allocate its outputs, in every tick.

    Raises:
        BundleError: A graph cannot be read, or its inputs and outputs are not those of the manifest.
        ConfigError: Less than one thread.
    """
    require_threads(threads)
    expected = variant_signatures(bundle.manifest, variant)
    files = {"reference": variant.reference, "step": variant.step, "select": variant.select}
    sessions = {name: open_session(bundle.folder / file, expected[name], threads) for name, file in files.items()}

    def bind(name: str, inputs: Buffers, outputs: Buffers) -> BoundGraph:
        return BoundGraph(sessions[name], inputs, outputs)

    return BoundGraphs(expected, bind, {"device": str(device_facts()["cpu"]), "library": f"ONNX Runtime {version()}"})
