"""What a bundle's receipt says of a precision on a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgf_robot.bundle import Bundle, Variant
from vgf_robot.receipts.limits import ACCEPTED
from vgf_robot.receipts.trusted import FLOAT32

Entry = Mapping[str, Any]


def entries_of(bundle: Bundle, variant: Variant) -> list[Entry]:
    """Return the receipt's entries about a variant's precision, one per backend that was asked for it at export."""
    entries: list[Entry] = bundle.receipt().get("precisions", [])
    wanted = (variant.num_particles, variant.reference_steps, variant.precision)
    keys = ("num_particles", "reference_steps", "precision")
    return [entry for entry in entries if tuple(entry.get(key) for key in keys) == wanted]


def why_untrusted(bundle: Bundle, variant: Variant, backend: str) -> str | None:
    """Return why a precision should not be chosen for a backend unasked; None where it may.

    A backend that the export did not have is judged by the others' receipts: on this device it is compared anyway.
    """
    if variant.precision == FLOAT32:
        return None
    entries = entries_of(bundle, variant)
    own = [entry for entry in entries if entry.get("backend") == backend]
    if own and "refused" in own[0]:
        return "it could not compute this precision at export"
    if variant.precision in bundle.manifest.provenance.get(ACCEPTED, ()):
        return None
    measured = own or [entry for entry in entries if "refused" not in entry]
    if not measured:
        return "this precision has no receipt"
    return None if any(_passed(entry) for entry in measured) else "its receipt is beyond the limits"


def in_words(entry: Entry) -> str:
    """Return what was lost, such as `cosine of the value gradient, median 0.9998 (at least 0.999)`."""
    if "refused" in entry:
        return "cannot compute it"
    return "; ".join(_check_in_words(check) for check in entry.get("checks", []))


def _passed(entry: Entry) -> bool:
    checks = entry.get("checks", [])
    return bool(checks) and all(check.get("passed") for check in checks)


def _check_in_words(check: Mapping[str, Any]) -> str:
    measured = "nothing to compare" if check.get("measured") is None else f"{check['measured']:.3g}"
    limit = "" if check.get("limit") is None else f" ({check.get('rule')} {check['limit']:g})"
    mark = "" if check.get("passed") else ", BEYOND ITS LIMIT"
    return f"{check.get('quantity')} {measured}{limit}{mark}"
