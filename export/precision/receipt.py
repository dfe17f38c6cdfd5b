"""The receipts of low precisions: one per variant and backend that can compute it on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from export.precision.check import Pair, PrecisionCheck, check_precision, failures
from export.precision.settings import FLOAT32
from export.variant_files import probe_of
from vgf_robot.backends import Backend, Floats, installed_backends, load_backend
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import ExportError, VgfError

ROUND_WEIGHTS_ALONE = frozenset({("onnxruntime-cpu", "float16"), ("openvino-cpu", "float16")})
"""Backends that drop a product's casts and compute in float32 with the rounded weights, seen with ONNX Runtime 1.31 and
OpenVINO 2026.4 on x86-64. Such a receipt holds for that backend and says nothing of a device with such products."""


@dataclass(slots=True)
class PrecisionReceipts:
    """What was measured of the low precisions.

    Attributes:
        entries: One per variant and backend, for `receipt.json`.
        accepted: Precisions that are beyond a limit and were accepted.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)


def precision_receipts(
    bundle: Bundle, observations: Floats, num_steps: int, accept: bool, report: Callable[[str], None]
) -> PrecisionReceipts:
    """Measure every low-precision variant on every backend that takes it.

    Args:
        bundle: A draft, with its probes.
        observations: Shape (B, O), from the dataset.
        num_steps: Steps of the flow, 1 or more.
        accept: Keep what is beyond a limit.
        report: Called with a sentence at each variant.

    Raises:
        ExportError: A precision is beyond a limit and not accepted, or no backend here can compute it.
    """
    receipts = PrecisionReceipts()
    for variant in bundle.manifest.variants:
        if variant.precision == FLOAT32:
            continue
        report(f"precision {variant.precision}, N = {variant.num_particles}")
        entries = [_entry(bundle, variant, name, observations, num_steps) for name in installed_backends()]
        receipts.entries += [entry for entry, _ in entries]
        _require_measured(variant, [entry for entry, _ in entries])
        beyond = "; ".join(f"{entry['backend']}: {words}" for entry, words in entries if words)
        if beyond and not accept:
            raise ExportError(
                f"Precision {variant.precision} at N = {variant.num_particles} is beyond its limits ({beyond}); no "
                "bundle was written. Leave it out of --precisions, or insist with --accept-precision."
            )
        if beyond:
            receipts.accepted.add(variant.precision)
    return receipts


def _entry(
    bundle: Bundle, variant: Variant, name: str, observations: Floats, num_steps: int
) -> tuple[dict[str, Any], str]:
    """Return a receipt's entry, and in words what is beyond a limit."""
    facts: dict[str, Any] = {
        "num_particles": variant.num_particles,
        "reference_steps": variant.reference_steps,
        "precision": variant.precision,
        "backend": name,
    }
    try:
        pair = _open(load_backend(name), bundle, variant)
    except VgfError as error:
        return {**facts, "refused": str(error).replace(f"{bundle.folder}/", "")}, ""
    shape = (variant.num_particles, bundle.manifest.action_size)
    checks = check_precision(pair, observations, shape, num_steps)
    alone = (name, variant.precision) in ROUND_WEIGHTS_ALONE
    facts["rounded"] = "weights" if alone else "weights and activations"
    return {**facts, "checks": [_words(check) for check in checks]}, failures(checks)


def _open(backend: Backend, bundle: Bundle, variant: Variant) -> Pair:
    full = bundle.variant(variant.num_particles, variant.reference_steps, FLOAT32)
    wanted = {"low": variant, "full": full, "low_probe": probe_of(variant), "full_probe": probe_of(full)}
    return Pair(**{name: backend(bundle, each, threads=1) for name, each in wanted.items()})


def _words(check: PrecisionCheck) -> dict[str, Any]:
    return {**asdict(check), "passed": check.passed}


def _require_measured(variant: Variant, entries: list[dict[str, Any]]) -> None:
    if all("refused" in entry for entry in entries):
        sentences = " ".join(f"{entry['backend']}: {entry['refused']}" for entry in entries)
        raise ExportError(
            f"No backend on this machine computes {variant.precision}, so that it has no receipt ({sentences}) "
            "Install one that does, such as vgf-robot[openvino], or leave the precision out."
        )
