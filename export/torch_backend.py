"""The three graphs in torch: the reference that other backends are compared with, and a backend for development.

A bundle holds no torch weights, so this backend needs the run that the bundle was exported from, and takes only the
checkpoint whose hash the bundle names. It is no entry point: nothing on a robot can choose it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from export.graphs import ReferenceGraph, SelectGraph, StepGraph
from export.sampling import sampler_of
from export.torch_on_gpu import open_torch_on_gpu
from policies.run_folder import RunFolder
from policies.transport import Transport
from vgf_robot.backends import Floats, Graphs, Selected, StepResult, variant_signatures
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import BundleError

AMORTISED = "amortised"  # the manifest's word for: independent, along a network that predicts the gradient


class TorchGraphs:
    """The networks behind the three calls of a backend; see `vgf_robot.backends.Graphs`.

    Args:
        modules: `reference`, `step` and `select`, from `export.graphs`.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._reference, self._step, self._select = (modules[name] for name in ("reference", "step", "select"))

    @torch.no_grad()
    def reference(self, observation: Floats, noise: Floats) -> Floats:
        """Draw particles from the reference policy."""
        return self._reference(_tensor(observation), _tensor(noise))[0].numpy()

    @torch.no_grad()
    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move the particles one transport step."""
        arrays = (observation, particles, origin, first_moment, second_moment)
        scalars = (torch.tensor(step_index), torch.tensor(step_size), torch.tensor(max_distance))
        moved, first, second, *values, displacement = self._step(*map(_tensor, arrays), *scalars)
        stated = values[0].numpy() if values else None
        return StepResult(moved.numpy(), first.numpy(), second.numpy(), stated, displacement.numpy())

    @torch.no_grad()
    def select(self, observation: Floats, particles: Floats, selection_noise: Floats, value_weight: float) -> Selected:
        """Choose one particle."""
        arrays = map(_tensor, (observation, particles, selection_noise))
        action, index, values, spread = self._select(*arrays, torch.tensor(value_weight))
        return Selected(action.numpy(), int(index), values.numpy(), float(spread))


class TorchBackend:
    """Loads variants of bundles that were exported from one run.

    Args:
        run: Its folder.
        device: On `cuda` each stage is one CUDA graph.
    """

    def __init__(self, run: RunFolder, device: Literal["cpu", "cuda"] = "cpu") -> None:
        self._run = run
        self._device = device

    def __call__(self, bundle: Bundle, variant: Variant, *, threads: int = 1) -> Graphs:
        """Rebuild a variant's networks; `threads` holds for the whole process.

        Raises:
            BundleError: The bundle was not exported from a checkpoint of this run.
        """
        torch.set_num_threads(threads)
        models, _ = self._run.load_models(self._run.path / "checkpoints" / self._checkpoint(bundle))
        models.eval().requires_grad_(False)
        flow = bundle.manifest.transport
        amortised = flow.form == AMORTISED
        transport = Transport(
            models.critic,
            form="independent" if amortised else flow.form,  # pyright: ignore[reportArgumentType]
            optimiser=flow.optimiser,  # pyright: ignore[reportArgumentType]
            alpha=flow.alpha,
            aggregation=flow.aggregation,  # pyright: ignore[reportArgumentType]
            amortised=models.gradient if amortised else None,
            step_values=flow.step_values,
        )
        modules = {
            "reference": ReferenceGraph(sampler_of(self._run, models, variant.sampler), variant.reference_steps),
            "step": StepGraph(transport),
            "select": SelectGraph(models.critic, transport.aggregation, models.action_scaling),
        }
        if self._device == "cuda":
            return open_torch_on_gpu(modules, variant_signatures(bundle.manifest, variant))
        return TorchGraphs(modules)

    def _checkpoint(self, bundle: Bundle) -> str:
        expected = bundle.manifest.provenance.get("checkpoint_sha256")
        for path in reversed(self._run.checkpoints()):
            if hashlib.sha256(path.read_bytes()).hexdigest() == expected:
                return path.name
        raise BundleError(
            f"Bundle '{bundle.manifest.name}' was exported from a checkpoint with sha256 {expected}, "
            f"and {self._run.path} has none such; give the run that it came from."
        )


def _tensor(array: Floats) -> Tensor:
    # A copy: torch warns of arrays that must not be written, and backends may be given such.
    return torch.tensor(array)
