"""The last word of a measurement: which backend and precision to take, how far from the limit it is, what was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vgf_robot.bundle import Bundle
from vgf_robot.receipts import FLOAT32, STANDARD, TIE, entries_of, in_words, why_untrusted

Row = Mapping[str, Any]


def advice(bundle: Bundle, rows: Sequence[Row]) -> str:
    """Return what to take for the bundle's setting, or why nothing of what was measured can be.

    The fastest at p50; of those within 5 % of it the one with the fewest threads, and then the first measured: backends
    and precisions are measured in the order of their simplicity.

    Args:
        bundle: What was measured.
        rows: Of every subject, with `backend`, `precision`, `threads`, `num_particles`, `max_steps`, `tick_ms`.
    """
    point = bundle.manifest.operating_point
    wanted = (point.num_particles, point.max_steps)
    there = [row for row in rows if (row["num_particles"], row["max_steps"]) == wanted and _trusted(bundle, row)]
    if not there:
        return (
            f"Nothing to recommend: no row is of the bundle's own setting, N = {point.num_particles} and "
            f"{point.max_steps} steps, in a precision within its limits."
        )
    best = min(row["tick_ms"]["p50"] for row in there)
    near = [row for row in there if row["tick_ms"]["p50"] <= TIE * best]
    row = min(near, key=lambda each: each["threads"])
    name = f"--backend {row['backend']}:{row['precision']} --threads {row['threads']}"
    return f"Take {name}: {row['tick_ms']['p50']:.2f} ms a tick at p50{_distance(row)}. {lost(bundle, row)}"


def lost(bundle: Bundle, row: Row) -> str:
    """Return what a row's backend and precision lose against float32, from the bundle's receipt."""
    if row["precision"] == FLOAT32:
        how = "its export compared with the networks" if row["backend"] == STANDARD else "was compared on this device"
        return f"Nothing is lost: it is float32, as {how}."
    variant = bundle.variant(row["num_particles"], row["reference_steps"], row["precision"])
    entries = [entry for entry in entries_of(bundle, variant) if entry.get("backend") == row["backend"]]
    words = in_words(entries[0]) if entries else "no entry for this backend; it was compared on this device"
    loops = [
        f"; in the closed loop {each['difference']:+.1%} of {each.get('score', 'success')}, "
        f"at least {each['difference_low']:+.1%}"
        for each in bundle.receipt().get("closed_loop", [])
        if (each.get("backend"), each.get("precision")) == (row["backend"], row["precision"])
    ]
    return f"Lost against float32, by its receipt: {words}{''.join(loops)}."


def _trusted(bundle: Bundle, row: Row) -> bool:
    variant = bundle.variant(row["num_particles"], row["reference_steps"], row["precision"])
    return why_untrusted(bundle, variant, row["backend"]) is None


def _distance(row: Row) -> str:
    times = row.get("times_roof")
    return "" if not times else f", {times:.2f} times what its matrix products alone take here"
