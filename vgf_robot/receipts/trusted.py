"""A backend that is compared on this very device before a robot moves by it, once."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, final

from vgf_robot.backends import Backend, Graphs, cache_folder, load_backend, why_not, write_in_one_piece
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.receipts.check import Pair, PrecisionCheck, check_precision, failures
from vgf_robot.receipts.limits import ACCEPTED
from vgf_robot.receipts.observations import observations_of
from vgf_robot.receipts.probe import open_probe

FLOAT32: Final = "float32"
STANDARD: Final = "onnxruntime-cpu"
"""What every export compares with the networks: in float32 it needs no other proof, and the others are held to it."""

AUTO: Final = "auto"
Tell = Callable[[str], object]


def split_name(name: str) -> tuple[str, str | None]:
    """Return backend and precision of a name such as `openvino-cpu:bfloat16`; None where it names no precision."""
    backend, separator, precision = name.partition(":")
    return backend, precision if separator else None


def to_standard_error(sentence: str) -> None:
    """Print a sentence where it is in no result's way."""
    print(sentence, file=sys.stderr)


def load_trusted(name: str, tell: Tell = to_standard_error) -> Backend:
    """Return a backend by its name, with the precision that the name may end in.

    Each variant that is not float32 on ONNX Runtime's CPU is compared with that when it is opened for the first time on
    this device; a note in the user's cache folder says that it was. See `Trusted`.

    Args:
        name: Such as `onnxruntime-cpu`, `tensorrt`, or `openvino-cpu:bfloat16`.
        tell: Takes a sentence for the user.

    Raises:
        MachineError: No backend has this name, or what it needs is not there.
        ConfigError: It is `auto`, which stands for a name that `resolve_backend` finds.
    """
    if name == AUTO:
        raise ConfigError("Backend 'auto' is measured by `serve`, `drive`, `bench` and `eval`; name the backend here.")
    backend, precision = split_name(name)
    return Trusted(backend, precision, load_backend(backend), tell)


@final
class Trusted:
    """A `Backend` that compares before it hands out.

    Args:
        name: The backend's.
        precision: Which of a variant's precisions; None for the one that is asked for.
        backend: What opens the graphs.
        tell: Takes a sentence for the user.
    """

    def __init__(self, name: str, precision: str | None, backend: Backend, tell: Tell) -> None:
        self._name = name
        self._precision = precision
        self._backend = backend
        self._tell = tell

    def __call__(self, bundle: Bundle, variant: Variant, *, threads: int) -> Graphs:
        """Open a variant; see `Backend`.

        Raises:
            BudgetError: The bundle does not have the variant in this precision.
            MachineError: On this device it is further from float32 than the limits allow.
        """
        if self._precision is not None:
            variant = bundle.variant(variant.num_particles, variant.reference_steps, self._precision)
        graphs = self._backend(bundle, variant, threads=threads)
        if (self._name, variant.precision) != (STANDARD, FLOAT32):
            self._require_receipt(bundle, variant, graphs, threads)
        return graphs

    def _require_receipt(self, bundle: Bundle, variant: Variant, graphs: Graphs, threads: int) -> None:
        key = self._key(bundle, variant, graphs)
        note = _note_path(key)
        if note is not None and _notes(note, key):
            return
        place = f"{bundle.manifest.name}, N = {variant.num_particles}, {variant.precision} on {self._name}"
        if lacking := why_not(STANDARD):
            if variant.precision != FLOAT32:
                raise MachineError(f"{place}: cannot be compared with float32 on this device. {lacking}")
            self._tell(f"{place}: not compared on this device. {lacking}")
            return
        checks = self._compare(bundle, variant, graphs, threads)
        beyond = failures(checks)
        if beyond and variant.precision not in bundle.manifest.provenance.get(ACCEPTED, ()):
            raise MachineError(
                f"{place}: further from float32 on this device than its limits allow ({beyond}); take another backend "
                f"or precision, such as --backend {STANDARD}."
            )
        said = f"beyond its limits, which its export accepted ({beyond})" if beyond else "within its limits"
        self._tell(f"{place}: compared with float32 on this device, {said}.")
        _write_note(note, key, checks)

    def _compare(self, bundle: Bundle, variant: Variant, graphs: Graphs, threads: int) -> list[PrecisionCheck]:
        standard = load_backend(STANDARD)
        full = bundle.variant(variant.num_particles, variant.reference_steps, FLOAT32)
        full_graphs = standard(bundle, full, threads=1)
        pair = Pair(
            low=graphs,
            full=full_graphs,
            low_probe=open_probe(self._backend, bundle, variant, graphs, threads),
            full_probe=open_probe(standard, bundle, full, full_graphs, 1),
        )
        shape = (variant.num_particles, bundle.manifest.action_size)
        return check_precision(pair, observations_of(bundle), shape, max(1, bundle.manifest.operating_point.max_steps))

    def _key(self, bundle: Bundle, variant: Variant, graphs: Graphs) -> dict[str, Any]:
        """Return all that a comparison holds for."""
        facts: Mapping[str, str] = getattr(graphs, "facts", {})
        return {
            "bundle_sha256": bundle.sha256,
            "num_particles": variant.num_particles,
            "reference_steps": variant.reference_steps,
            "precision": variant.precision,
            "backend": self._name,
            **facts,
        }


def _note_path(key: Mapping[str, Any]) -> Path | None:
    try:
        folder = cache_folder("receipts")
    except MachineError:
        return None  # nowhere to keep it: compared every time
    return folder / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.json"


def _notes(path: Path, key: Mapping[str, Any]) -> bool:
    try:
        return json.loads(path.read_bytes())["key"] == dict(key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_note(path: Path | None, key: Mapping[str, Any], checks: Sequence[PrecisionCheck]) -> None:
    if path is None:
        return
    content = {"key": dict(key), "checks": [{**asdict(check), "passed": check.passed} for check in checks]}
    try:
        write_in_one_piece(path, json.dumps(content, indent=2).encode())
    except OSError:
        return  # compared again next time
