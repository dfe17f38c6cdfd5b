"""The graphs on the CPU through OpenVINO."""

from __future__ import annotations

from vgf_robot.backends.bound import BoundGraphs, Buffers, require_threads
from vgf_robot.backends.openvino_model import BoundRequest, compile_graph, version
from vgf_robot.backends.signature import variant_signatures
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.results import device_facts


def open_openvino_cpu(bundle: Bundle, variant: Variant, *, threads: int = 1) -> BoundGraphs:
    """Compile one model per graph, with inference requests bound once to memory that every tick reuses; see `Backend`.

    Raises:
        BundleError: A graph cannot be read, or its inputs and outputs are not those of the manifest.
        ConfigError: Less than one thread.
    """
    require_threads(threads)
    expected = variant_signatures(bundle.manifest, variant)
    files = {"reference": variant.reference, "step": variant.step, "select": variant.select}
    models = {name: compile_graph(bundle.folder / file, expected[name], threads) for name, file in files.items()}

    def bind(name: str, inputs: Buffers, outputs: Buffers) -> BoundRequest:
        return BoundRequest(models[name], inputs, outputs)

    return BoundGraphs(expected, bind, {"device": str(device_facts()["cpu"]), "library": f"OpenVINO {version()}"})
