"""The graphs of every variant and precision, in one folder over one file of weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import msgspec
from torch import nn

from export.graph_checks import require_sound
from export.graphs import ReferenceGraph, SelectGraph, StepGraph, example_inputs
from export.onnx_files import SharedWeights, to_onnx
from export.precision.lowering import lower
from export.precision.settings import FLOAT32, Precision
from export.sampling import Sampling
from export.settings import ExportSettings
from policies.models import Models
from policies.reference import Sampler
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
        samplers: What draws the reference particles, by its way.
        transport: The flow on their critic.
        settings: What the export decides.
        sizes: O and A.
    """

    def __init__(
        self,
        folder: Path,
        models: Models,
        samplers: Mapping[Sampling, Sampler],
        transport: Transport,
        settings: ExportSettings,
        sizes: tuple[int, int],
    ) -> None:
        self._folder = folder
        self._models = models
        self._samplers = samplers
        self._transport = transport
        self._settings = settings
        self._sizes = sizes
        self._weights = SharedWeights(folder / WEIGHTS)

    def write(self, num_particles: int) -> tuple[Variant, ...]:
        """Write the variants of one N: each way to draw in each precision, over one step and one select graph."""
        drawn = {
            way: self._save("reference", way.file_suffix, ReferenceGraph(sampler, way.num_steps), num_particles)
            for way, sampler in self._samplers.items()
        }
        step, select = (self._save(kind, "", module, num_particles) for kind, module in self._scored().items())
        if self._settings.precisions != (FLOAT32,):
            self._save("probe", "", StepGraph(self._alone()), num_particles)
        return tuple(
            Variant(
                num_particles=num_particles,
                reference_steps=way.num_steps,
                sampler=way.rule,
                precision=precision,
                reference=names[precision],
                step=step[precision],
                select=select[precision],
            )
            for way, names in drawn.items()
            for precision in self._settings.precisions
        )

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

    def _scored(self) -> dict[str, nn.Module]:
        """Return the modules that ask the critic."""
        models = self._models
        return {
            "step": StepGraph(self._transport),
            "select": SelectGraph(models.critic, self._settings.aggregation, models.action_scaling),
        }

    def _alone(self) -> Transport:
        flow = self._transport
        return Transport(
            flow.critic,
            form="independent",
            optimiser="adam",
            alpha=flow.alpha,
            aggregation=flow.aggregation,
            amortised=flow.amortised,
            step_values=flow.step_values,
        )

    def _save(self, kind: str, suffix: str, module: nn.Module, num_particles: int) -> dict[Precision, str]:
        """Trace one graph and write it in each precision; returns the files' names."""
        sizes = (num_particles, *self._sizes)
        name = "step" if kind == "probe" else kind
        signature = signatures(*sizes, step_values=self._settings.step_values)[name]
        traced = to_onnx(name, module, example_inputs(name, *sizes), signature)
        names: dict[Precision, str] = {}
        for precision in self._settings.precisions:
            model = copy.deepcopy(traced)
            if precision != FLOAT32:
                lower(model, precision)
            end = "" if precision == FLOAT32 else f"-{precision}"
            names[precision] = f"{kind}-n{num_particles}{suffix}{end}.onnx"
            self._weights.save(model, self._folder / names[precision])
        return names


def open_probe_file(backend: Backend, bundle: Bundle, variant: Variant, _graphs: Graphs) -> Graphs:
    """Open the probe of a variant: its graphs with a step along the value gradient alone."""
    probe = msgspec.structs.replace(variant, step=variant.step.replace("step-", "probe-", 1))
    return backend(bundle, probe, threads=1)
