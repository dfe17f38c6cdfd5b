"""The graphs of every variant and precision, in one folder over one file of weights."""

from __future__ import annotations

import copy
from pathlib import Path

import msgspec
import onnx

from export.graph_checks import require_sound
from export.graphs import ReferenceGraph, SelectGraph, StepGraph, example_inputs
from export.onnx_files import SharedWeights, to_onnx
from export.precision.lowering import lower
from export.precision.settings import FLOAT32, Precision
from export.settings import ExportSettings
from policies.models import Models
from policies.transport import Transport
from vgf_robot.backends import Backend, Graphs, signatures
from vgf_robot.bundle import Bundle, Variant

WEIGHTS = "weights.bin"


class VariantFiles:
    """Traces the networks and writes what was traced.

    Where low precisions are wanted, each N also has a probe: a step along the value gradient alone, whatever the
    form, whose particles are not held together by a kernel. It serves the receipt and is removed before sealing.

    Args:
        folder: Where to write.
        models: The networks.
        transport: The flow on their critic.
        settings: What the export decides.
        sizes: O and A.
    """

    def __init__(
        self, folder: Path, models: Models, transport: Transport, settings: ExportSettings, sizes: tuple[int, int]
    ) -> None:
        self._folder = folder
        self._models = models
        self._transport = transport
        self._settings = settings
        self._sizes = sizes
        self._weights = SharedWeights(folder / WEIGHTS)

    def write(self, num_particles: int) -> tuple[Variant, ...]:
        """Write the variants of one N, one per precision."""
        traced = self._trace(num_particles)
        return tuple(self._write(traced, num_particles, precision) for precision in self._settings.precisions)

    def finish(self) -> None:
        """Write the weights, and check every graph.

        Raises:
            ExportError: A graph is not sound.
        """
        self._weights.write()
        for path in sorted(self._folder.glob("*.onnx")):
            require_sound(path)

    def remove_probes(self) -> None:
        """Remove what only the receipt needed."""
        for path in self._folder.glob("probe-*.onnx"):
            path.unlink()

    def _trace(self, num_particles: int) -> dict[str, onnx.ModelProto]:
        models, flow = self._models, self._transport
        modules = {
            "reference": ReferenceGraph(models.sampler, self._settings.reference_steps),
            "step": StepGraph(flow),
            "select": SelectGraph(models.critic, self._settings.aggregation, models.action_scaling),
        }
        if self._settings.precisions != (FLOAT32,):
            alone = Transport(
                flow.critic,
                form="independent",
                optimiser="adam",
                alpha=flow.alpha,
                aggregation=flow.aggregation,
                amortised=flow.amortised,
            )
            modules["probe"] = StepGraph(alone)
        sizes = (num_particles, *self._sizes)
        kinds = {kind: "step" if kind == "probe" else kind for kind in modules}
        return {
            kind: to_onnx(kinds[kind], module, example_inputs(kinds[kind], *sizes), signatures(*sizes)[kinds[kind]])
            for kind, module in modules.items()
        }

    def _write(self, traced: dict[str, onnx.ModelProto], num_particles: int, precision: Precision) -> Variant:
        steps = self._settings.reference_steps
        suffix = "" if precision == FLOAT32 else f"-{precision}"
        names = {kind: f"{kind}-n{num_particles}{suffix}.onnx" for kind in traced}
        names["reference"] = f"reference-n{num_particles}-k{steps}{suffix}.onnx"
        for kind, original in traced.items():
            model = copy.deepcopy(original)
            if precision != FLOAT32:
                lower(model, precision)
            self._weights.save(model, self._folder / names[kind])
        names.pop("probe", None)
        return Variant(num_particles=num_particles, reference_steps=steps, precision=precision, **names)


def open_probe_file(backend: Backend, bundle: Bundle, variant: Variant, _graphs: Graphs) -> Graphs:
    """Open the probe of a variant: its graphs with a step along the value gradient alone."""
    probe = msgspec.structs.replace(variant, step=variant.step.replace("step-", "probe-", 1))
    return backend(bundle, probe, threads=1)
