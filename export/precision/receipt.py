"""The receipts of low precisions: one per variant and backend that can compute it on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from export.precision.settings import FLOAT32, PRECISIONS, Precision
from vgf_robot.backends import Backend, Floats, Graphs, installed_backends, load_backend
from vgf_robot.bundle import Bundle, Manifest, Variant
from vgf_robot.errors import ExportError, VgfError
from vgf_robot.receipts import ACCEPTED, Pair, PrecisionCheck, Probe, check_precision, failures

ROUND_WEIGHTS_ALONE = frozenset({("onnxruntime-cpu", "float16"), ("openvino-cpu", "float16")})
"""Backends that drop a product's casts and compute in float32 with the rounded weights, seen with ONNX Runtime 1.31 and
OpenVINO 2026.4 on x86-64. Such a receipt holds for that backend and says nothing of a device with such products."""

OpenProbe = Callable[[Backend, Bundle, Variant, Graphs], Probe]
"""Takes a backend, a bundle, a variant and its graphs, and returns what steps along its value gradient alone."""


@dataclass(slots=True)
class PrecisionReceipts:
    """What was measured of the low precisions.

    Attributes:
        entries: One per variant and backend, for `receipt.json`.
        accepted: Precisions that are beyond a limit and were accepted.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionTrial:
    """How low precisions are measured.

    Attributes:
        observations: Shape (B, O), from the dataset.
        num_steps: Steps of the flow, 1 or more.
        accept: Keep what is beyond a limit.
        open_probe: Opens what steps along the value gradient alone.
        report: Called with a sentence at each variant.
        precisions: Which.
    """

    observations: Floats
    num_steps: int
    accept: bool
    open_probe: OpenProbe
    report: Callable[[str], None]
    precisions: tuple[Precision, ...] = PRECISIONS

    def run(self, bundle: Bundle) -> PrecisionReceipts:
        """Measure every low-precision variant on every backend that takes it.

        Args:
            bundle: A draft, with what the probes are opened from.

        Raises:
            ExportError: A precision is beyond a limit and not accepted, or no backend here can compute it.
        """
        receipts = PrecisionReceipts()
        for variant in bundle.manifest.variants:
            if variant.precision == FLOAT32 or variant.precision not in self.precisions:
                continue
            self.report(f"precision {variant.precision}, N = {variant.num_particles}")
            entries = [self._entry(bundle, variant, name) for name in installed_backends()]
            receipts.entries += [entry for entry, _ in entries]
            _require_measured(variant, [entry for entry, _ in entries])
            beyond = "; ".join(f"{entry['backend']}: {words}" for entry, words in entries if words)
            if beyond and not self.accept:
                raise ExportError(
                    f"Precision {variant.precision} at N = {variant.num_particles} is beyond its limits ({beyond}); no "
                    "bundle was written. Leave it out of --precisions, or insist with --accept-precision."
                )
            if beyond:
                receipts.accepted.add(variant.precision)
        return receipts

    def _entry(self, bundle: Bundle, variant: Variant, name: str) -> tuple[dict[str, Any], str]:
        """Return a receipt's entry, and in words what is beyond a limit."""
        entry: dict[str, Any] = {
            "num_particles": variant.num_particles,
            "reference_steps": variant.reference_steps,
            "precision": variant.precision,
            "backend": name,
        }
        try:
            pair = self._open(load_backend(name), bundle, variant)
        except VgfError as error:
            return {**entry, "refused": str(error).replace(f"{bundle.folder}/", "")}, ""
        shape = (variant.num_particles, bundle.manifest.action_size)
        checks = check_precision(pair, self.observations, shape, self.num_steps)
        alone = (name, variant.precision) in ROUND_WEIGHTS_ALONE
        entry |= _facts(pair.low) | {"rounded": "weights" if alone else "weights and activations"}
        return {**entry, "checks": [_words(check) for check in checks]}, failures(checks)

    def _open(self, backend: Backend, bundle: Bundle, variant: Variant) -> Pair:
        full = bundle.variant(variant.num_particles, variant.reference_steps, FLOAT32)
        low_graphs, full_graphs = (backend(bundle, each, threads=1) for each in (variant, full))
        return Pair(
            low=low_graphs,
            full=full_graphs,
            low_probe=self.open_probe(backend, bundle, variant, low_graphs),
            full_probe=self.open_probe(backend, bundle, full, full_graphs),
        )


def _facts(graphs: Graphs) -> dict[str, str]:
    """Return the device and the library that a receipt holds for."""
    facts: Mapping[str, str] = getattr(graphs, "facts", {})
    return {name: facts[name] for name in ("device", "library") if name in facts}


def _words(check: PrecisionCheck) -> dict[str, Any]:
    return {**asdict(check), "passed": check.passed}


def _require_measured(variant: Variant, entries: list[dict[str, Any]]) -> None:
    if all("refused" in entry for entry in entries):
        sentences = " ".join(f"{entry['backend']}: {entry['refused']}" for entry in entries)
        raise ExportError(
            f"No backend on this machine computes {variant.precision}, so that it has no receipt ({sentences}) "
            "Install one that does, such as vgf-robot[openvino], or leave the precision out."
        )


def marked(manifest: Manifest, accepted: set[str]) -> Manifest:
    """Name in the manifest, which the bundle's hash covers, the precisions that were accepted beyond their limits."""
    if not accepted:
        return manifest
    provenance = {**manifest.provenance, ACCEPTED: sorted(accepted)}
    return msgspec.structs.replace(manifest, provenance=provenance)
