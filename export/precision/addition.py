"""Low precisions for a bundle that is finished: from its float32 graphs alone, without the run they came from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx

from export.draft import draft_of
from export.graph_checks import require_sound
from export.onnx_files import SharedWeights
from export.precision.lowering import lower
from export.precision.receipt import PrecisionReceipts, PrecisionTrial, marked
from export.precision.settings import FLOAT32, LowPrecision
from export.variant_files import WEIGHTS
from vgf_robot.backends import Backend, Floats, Graphs
from vgf_robot.bundle import Bundle, Variant, write_manifest
from vgf_robot.errors import DatasetError, ExportError
from vgf_robot.npz import read_arrays
from vgf_robot.receipts import Probe, kept, open_probe

RECEIPT = "receipt.json"
NUM_OBSERVATIONS = 256
KINDS = ("reference", "step", "select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is added to a bundle.

    Attributes:
        precisions: Which; each for every variant.
        observations: Shape (B, O), which the receipts are about.
        accept: Keep what is beyond a limit; the bundle says so.
        report: Called with a sentence at each stage.
    """

    precisions: tuple[LowPrecision, ...]
    observations: Floats
    accept: bool
    report: Callable[[str], None]

    def write(self, source: Bundle, out: Path) -> Bundle:
        """Write the bundle with the precisions beside its own; its float32 graphs stay as they are, byte for byte.

        Raises:
            ExportError: The place is taken, a precision is there already, or is beyond its limits.
        """
        _require_new(source, self.precisions)
        _require_probe(source)
        with draft_of(out) as draft:
            manifest = msgspec.structs.replace(source.manifest, variants=_write_all(source, draft, self.precisions))
            receipts = self._receipts(write_manifest(draft, manifest))
            receipt = {**source.receipt(), **kept(self.observations)}
            receipt["precisions"] = [*receipt.get("precisions", []), *receipts.entries]
            (draft / RECEIPT).write_text(json.dumps(receipt, indent=2) + "\n")
            write_manifest(draft, marked(manifest, receipts.accepted))
        return Bundle.load(out)

    def _receipts(self, bundle: Bundle) -> PrecisionReceipts:
        trial = PrecisionTrial(
            observations=self.observations,
            num_steps=max(1, bundle.manifest.operating_point.max_steps),
            accept=self.accept,
            open_probe=_probe,
            report=self.report,
            precisions=self.precisions,
        )
        return trial.run(bundle)


def without_receipt(source: Bundle, out: Path, precisions: tuple[LowPrecision, ...]) -> Bundle:
    """Write a bundle with more precisions that nothing vouches for, marked as beyond their limits: for timing only.

    Raises:
        ExportError: The place is taken.
    """
    with draft_of(out) as draft:
        manifest = msgspec.structs.replace(source.manifest, variants=_write_all(source, draft, precisions))
        write_manifest(draft, marked(manifest, set(precisions)))
    return Bundle.load(out)


def read_observations(path: Path, observation_size: int, seed: int = 0) -> Floats:
    """Return some rows of a dataset's observations, shape (B, O).

    Args:
        path: An npz file with an array `observations`, such as OGBench's.
        observation_size: O.
        seed: Of the rows.

    Raises:
        DatasetError: The file is none such, or of another task.
    """
    advice = "give the npz file of the bundle's dataset"
    rows = read_arrays(path, f"{advice}.", ("observations",)).get("observations")
    if rows is None or rows.ndim != 2 or rows.shape[1] != observation_size or not len(rows):
        found = "none" if rows is None else f"shape {rows.shape}"
        raise DatasetError(
            f"{path}: expected observations of shape (rows, {observation_size}), found {found}; {advice}."
        )
    chosen = np.random.default_rng(seed).choice(len(rows), min(NUM_OBSERVATIONS, len(rows)), replace=False)
    return np.ascontiguousarray(rows[np.sort(chosen)], np.float32)


def _write_all(source: Bundle, draft: Path, precisions: Sequence[LowPrecision]) -> tuple[Variant, ...]:
    """Copy a bundle's files, write the lowered graphs, and return all variants, float32 before what is made of it."""
    for name in source.manifest.files:
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.folder / name, draft / name)
    full = [variant for variant in source.manifest.variants if variant.precision == FLOAT32]
    graphs = sorted({draft / getattr(variant, kind) for variant in full for kind in KINDS})
    weights = SharedWeights.continued(draft / WEIGHTS, graphs)
    variants: list[Variant] = []
    for variant in source.manifest.variants:
        variants.append(variant)
        if variant.precision == FLOAT32:
            variants += [_write_low(variant, precision, draft, weights) for precision in precisions]
    weights.write()
    for path in sorted(draft.glob("*.onnx")):
        require_sound(path)
    return tuple(variants)


def _write_low(variant: Variant, precision: LowPrecision, draft: Path, weights: SharedWeights) -> Variant:
    names: dict[str, str] = {}
    for kind in KINDS:
        path = draft / getattr(variant, kind)
        names[kind] = f"{path.stem}-{precision}{path.suffix}"
        if (draft / names[kind]).exists():
            continue  # select of one N serves several K
        model = onnx.load(path)
        lower(model, precision)
        weights.save(model, draft / names[kind])
    return msgspec.structs.replace(variant, precision=precision, **names)


def _probe(backend: Backend, bundle: Bundle, variant: Variant, graphs: Graphs) -> Probe:
    return open_probe(backend, bundle, variant, graphs, threads=1)


def _require_new(source: Bundle, precisions: Sequence[str]) -> None:
    there = {variant.precision for variant in source.manifest.variants}.intersection(precisions)
    if there:
        raise ExportError(f"{source.folder} has {', '.join(sorted(there))} already; leave it out of --precisions.")
    if not (source.folder / WEIGHTS).is_file():
        raise ExportError(f"{source.folder}: expected the weights in {WEIGHTS}, as `export` writes them, found none.")


def _require_probe(source: Bundle) -> None:
    """Refuse a bundle in which no graph steps along the value gradient alone: the receipt compares that."""
    form = source.manifest.transport.form
    alone = {variant.reference_steps for variant in source.manifest.variants if variant.num_particles == 1}
    lacking = {variant.reference_steps for variant in source.manifest.variants} - alone
    if form not in ("independent", "amortised") and lacking:
        raise ExportError(
            f"{source.folder} has no variant of one particle, whose step is the value gradient that the receipt "
            "compares; export the run again with 1 among --particles."
        )
