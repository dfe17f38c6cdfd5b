"""Whether a manifest's numbers agree with each other; every disagreement is a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from vgf_robot.bundle.manifest import Field, Manifest, OperatingPoint
from vgf_robot.errors import BundleError


def verify_manifest(manifest: Manifest, source: str) -> None:
    """Check sizes, ranges and the operating point.

    Args:
        manifest: What was read.
        source: The file it was read from, for the error.

    Raises:
        BundleError: The first thing that does not agree.
    """
    point = manifest.operating_point
    for faults in (_fields(manifest), _action(manifest), _variants(manifest), _point(point), _gain(manifest)):
        for where, expected, found in faults:
            raise BundleError(
                f"In {source}, {where}: expected {expected}, found {found}; export the bundle again with it corrected."
            )


Faults = Iterable[tuple[str, str, object]]


def _fields(manifest: Manifest) -> Faults:
    for role, fields in (("observation", manifest.observation), ("action", manifest.action)):
        if not fields:
            yield role, "at least one field", "none"
        names = [field.name for field in fields]
        if len(set(names)) != len(names):
            yield role, "different names", names
        for field in fields:
            yield from _field(f"{role} '{field.name}'", field)


def _field(where: str, field: Field) -> Faults:
    if field.size < 1:
        yield f"{where}.size", "at least 1", field.size
    for name, numbers in (("low", field.low), ("high", field.high)):
        yield from _numbers(f"{where}.{name}", numbers, field.size)
    for low, high in zip(field.low, field.high, strict=True):
        if low > high:
            yield where, "low at most as large as high", f"low {low:g} and high {high:g}"


def _action(manifest: Manifest) -> Faults:
    size = manifest.action_size
    if not (math.isfinite(manifest.control_period_s) and manifest.control_period_s > 0):
        yield "control_period_s", "a positive number of seconds", manifest.control_period_s
    if manifest.action_rate_limit is not None:
        yield from _numbers("action_rate_limit", manifest.action_rate_limit, size)
        if min(manifest.action_rate_limit) <= 0:
            yield "action_rate_limit", "positive numbers", manifest.action_rate_limit
    yield from _numbers("safe_action", manifest.safe_action, size)
    lows = [low for field in manifest.action for low in field.low]
    highs = [high for field in manifest.action for high in field.high]
    for index, (low, value, high) in enumerate(zip(lows, manifest.safe_action, highs, strict=True)):
        if not low <= value <= high:
            yield f"safe_action[{index}]", f"a value inside the limits {low:g} to {high:g}", f"{value:g}"


def _variants(manifest: Manifest) -> Faults:
    point = manifest.operating_point
    pairs = [(variant.num_particles, variant.reference_steps) for variant in manifest.variants]
    keys = [(*pair, variant.precision) for pair, variant in zip(pairs, manifest.variants, strict=True)]
    if len(set(keys)) != len(keys):
        yield "variants", "each (num_particles, reference_steps, precision) once", keys
    for pair in pairs:
        if min(pair) < 1:
            yield "variants", "at least one particle and one reference step", pair
    if (point.num_particles, point.reference_steps) not in pairs:
        yield (
            "operating_point",
            f"one of the variants' (num_particles, reference_steps) {pairs}",
            (point.num_particles, point.reference_steps),
        )


def _point(point: OperatingPoint) -> Faults:
    if point.max_steps < 0:
        yield "operating_point.max_steps", "0 or more", point.max_steps
    positive = (
        ("step_size", point.step_size),
        ("max_distance", point.max_distance),
        ("min_gain", point.min_gain),
        ("temperature", point.temperature),
    )
    for name, value in positive:
        if value is not None and not (math.isfinite(value) and value > 0):
            yield f"operating_point.{name}", "a positive, finite number", value


def _gain(manifest: Manifest) -> Faults:
    point = manifest.operating_point
    if point.min_gain is not None and not manifest.transport.step_values:
        yield "operating_point.min_gain", "none, as no step states values (transport.step_values)", point.min_gain


def _numbers(where: str, numbers: Sequence[float], size: int) -> Faults:
    if len(numbers) != size:
        yield where, f"{size} numbers, one per entry", f"{len(numbers)}"
    if not all(map(math.isfinite, numbers)):
        yield where, "finite numbers", tuple(numbers)
