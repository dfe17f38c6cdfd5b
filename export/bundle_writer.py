"""A run's networks to a bundle on disk: graphs, receipt, manifest; kept only where parity holds."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from export.draft import draft_of
from export.graph_checks import OPSET
from export.parity import Check, check_reference, check_variant
from export.precision.receipt import PrecisionReceipts, PrecisionTrial, marked
from export.precision.settings import FLOAT32
from export.sampling import Sampling, compare_samplings, sampler_of
from export.settings import ExportSettings
from export.torch_backend import AMORTISED
from export.variant_files import VariantFiles, open_probe_file
from policies.checkpoint import Progress
from policies.config import FieldConfig, TrainConfig
from policies.models import Models
from policies.reference import Sampler
from policies.run_folder import RunFolder
from policies.student_file import read_student
from policies.transport import Transport
from vgf_robot.backends import Floats, Graphs, load_backend
from vgf_robot.bundle import SCHEMA_VERSION, Bundle, Field, Manifest, OperatingPoint, Variant, write_manifest
from vgf_robot.bundle import Transport as TransportRecord
from vgf_robot.errors import ExportError
from vgf_robot.receipts import kept

RECEIPT = "receipt.json"
BACKEND = "onnxruntime-cpu"


class BundleWriter:
    """Writes one run as a bundle.

    Args:
        run: The run's folder.
        checkpoint: Which checkpoint; the newest where None.
        settings: What the export decides.
        report: Called with a sentence at each stage.
    """

    def __init__(
        self, run: RunFolder, checkpoint: Path | None, settings: ExportSettings, report: Callable[[str], None]
    ) -> None:
        self._run = run
        self._config: TrainConfig = run.config()
        self._checkpoint = checkpoint or run.newest_checkpoint()
        self._models: Models
        self._models, self._progress = run.load_models(self._checkpoint)
        self._models.eval().requires_grad_(False)
        self._settings = settings
        self._samplers: dict[Sampling, Sampler] = {
            way: sampler_of(run, self._models, way.rule) for way in settings.samplings
        }
        self._report = report
        self._transport: Transport = Transport(
            self._models.critic,
            form=settings.form,
            optimiser=self._config.transport.optimiser,
            alpha=self._config.transport.alpha,
            aggregation=settings.aggregation,
            amortised=self._models.gradient,
            step_values=settings.step_values,
        )

    def write(self, out: Path) -> Bundle:
        """Write the bundle beside its final place, check it, and only then put it there.

        Raises:
            ExportError: The place is taken, or parity failed.
        """
        with draft_of(out) as draft:
            sizes = (self._config.observation_size, self._config.action_size)
            files = VariantFiles(draft, self._models, self._samplers, self._transport, self._settings, sizes)
            variants = tuple(
                variant for number in self._settings.num_particles for variant in self._traced(files, number)
            )
            files.finish()
            (draft / RECEIPT).write_text("{}")
            manifest = self._manifest(variants)
            bundle = write_manifest(draft, manifest)
            receipt, precisions = self._receipt(bundle), self._precision_receipts(bundle)
            files.remove_probes()
            receipt |= {"precisions": precisions.entries} | (kept(self._observations) if precisions.entries else {})
            (draft / RECEIPT).write_text(json.dumps(receipt, indent=2) + "\n")
            write_manifest(draft, marked(manifest, precisions.accepted))
        return Bundle.load(out)

    @property
    def _checked_steps(self) -> int:
        """Step indices in the parity check: the step graph is written, hence checked, under a cap of 0 as well."""
        return max(1, self._settings.max_steps)

    @property
    def _observations(self) -> Floats:
        """Observations of the dataset that receipts are about, shape (B, O)."""
        return self._run.sample()["observations"][: self._settings.num_parity_inputs].numpy()

    def _traced(self, files: VariantFiles, num_particles: int) -> tuple[Variant, ...]:
        counts = ", ".join(str(way.num_steps) for way in self._samplers)
        self._report(f"tracing N = {num_particles}, K = {counts}")
        return files.write(num_particles)

    def _precision_receipts(self, bundle: Bundle) -> PrecisionReceipts:
        trial = PrecisionTrial(
            observations=self._observations,
            num_steps=self._checked_steps,
            accept=self._settings.accept_precision,
            open_probe=open_probe_file,
            report=self._report,
        )
        return trial.run(bundle)

    def _receipt(self, bundle: Bundle) -> dict[str, Any]:
        """Check every graph, and refuse the export where one fails."""
        observations = self._run.sample()["observations"][: self._settings.num_parity_inputs]
        entries: list[dict[str, Any]] = []
        checked: set[str] = set()
        for variant in bundle.manifest.variants:
            if variant.precision != FLOAT32:
                continue  # compared with float32 in a receipt of its own
            self._report(f"parity N = {variant.num_particles}, K = {variant.reference_steps}")
            graphs = load_backend(BACKEND)(bundle, variant, threads=1)
            checks = self._checks(graphs, variant, observations, whole=variant.step not in checked)
            checked.add(variant.step)
            _require_parity(checks, variant)
            entries.append(
                {
                    "num_particles": variant.num_particles,
                    "reference_steps": variant.reference_steps,
                    "precision": variant.precision,
                    "checks": [{**asdict(check), "passed": check.passed} for check in checks],
                }
            )
        return {
            "backend": BACKEND,
            "observations": len(observations),
            "step_indices": self._checked_steps,
            "versions": {name: version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")},
            "machine": platform.machine(),
            "passed": True,
            "variants": entries,
            "samplers": compare_samplings(self._samplers, observations, self._config.action_size),
        }

    def _checks(self, graphs: Graphs, variant: Variant, observations: Tensor, *, whole: bool) -> list[Check]:
        """Compare a variant with its networks; without step and selection where another one had the same files."""
        sampler = self._samplers[Sampling(rule=variant.sampler, num_steps=variant.reference_steps)]
        if not whole:
            return [check_reference(graphs, self._models, variant, observations, sampler)[0]]
        return check_variant(graphs, self._models, self._transport, variant, observations, self._checked_steps, sampler)

    def _distilled(self) -> dict[str, Any]:
        """Say of the one-step network, where there is one, which flow it was made from and how."""
        there = any(way.rule == "one-step" for way in self._samplers)
        return {"one_step": read_student(self._run, self._models.reference)[1]} if there else {}

    def _manifest(self, variants: tuple[Variant, ...]) -> Manifest:
        task, flow, facts = self._config.task, self._config.transport, self._run.dataset_facts()
        return Manifest(
            schema_version=SCHEMA_VERSION,
            name=self._config.name,
            environment=task.environment,
            observation=_observation_fields(task.observation, facts["observation_low"], facts["observation_high"]),
            action=tuple(_action_field(field) for field in task.action),
            action_kind=task.action_kind,
            action_rate_limit=task.action_rate_limit,
            safe_action=task.safe_action,
            control_period_s=task.control_period_s,
            transport=TransportRecord(
                form=self._settings.form if self._models.gradient is None else AMORTISED,
                optimiser=flow.optimiser,
                alpha=flow.alpha,
                aggregation=self._settings.aggregation,
                step_values=self._settings.step_values,
            ),
            operating_point=OperatingPoint(
                num_particles=variants[-1].num_particles,
                reference_steps=self._settings.samplings[0].num_steps,
                max_steps=self._settings.max_steps,
                step_size=flow.step_size,
                max_distance=flow.max_distance,
            ),
            variants=variants,
            provenance=_provenance(self._config, self._checkpoint, self._progress, facts) | self._distilled(),
            files={},
        )


def _require_parity(checks: Sequence[Check], variant: Variant) -> None:
    failed = [check for check in checks if not check.passed]
    if failed:
        stated = "; ".join(check.in_words() for check in failed)
        advice = (
            ""
            if all(check.enough for check in failed)
            else " Try fewer particles, another checkpoint or --form independent."
        )
        raise ExportError(
            f"Parity failed for N = {variant.num_particles}, K = {variant.reference_steps} ({stated}); no bundle was "
            f"written. A graph that is not shown to equal its networks must not reach a robot.{advice}"
        )


def _observation_fields(fields: Sequence[FieldConfig], low: list[float], high: list[float]) -> tuple[Field, ...]:
    """Cut the training data's ranges into the task's fields."""
    found: list[Field] = []
    start = 0
    for field in fields:
        end = start + field.size
        found.append(
            Field(
                name=field.name,
                size=field.size,
                unit=field.unit,
                low=tuple(low[start:end]),
                high=tuple(high[start:end]),
            )
        )
        start = end
    return tuple(found)


def _action_field(field: FieldConfig) -> Field:
    low, high = float(field.low or 0.0), float(field.high or 0.0)
    return Field(name=field.name, size=field.size, unit=field.unit, low=(low,) * field.size, high=(high,) * field.size)


def _provenance(config: TrainConfig, checkpoint: Path, progress: Progress, facts: dict[str, Any]) -> dict[str, Any]:
    """Say where the networks come from; nothing of it changes from one export of a checkpoint to the next."""
    return {
        "trained_by": f"vgf-robot {version('vgf-robot')}, torch {torch.__version__}",
        "opset": OPSET,
        "configuration": msgspec.to_builtins(config),
        "checkpoint": checkpoint.name,
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "reference_updates": progress.reference_updates,
        "critic_updates": progress.critic_updates,
        "dataset": {key: facts[key] for key in ("transitions", "episodes", "reward_range", "reward_mean", "task_ends")},
    }
