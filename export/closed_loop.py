"""The last line of a receipt: the closed loop of a cheaper variant against the bundle's own, on the same episodes."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.draft import draft_of
from export.precision.receipt import marked
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.errors import BundleError, ExportError
from vgf_robot.receipts import FLOAT32, SMALLEST_RETURN_DIFFERENCE, SMALLEST_SUCCESS_DIFFERENCE

RECEIPT, KEY, MODE = "receipt.json", "closed_loop", "tuned"
STANDARD_ERRORS = 1.959963984540054  # of a two-sided 95 % interval
SAME = ("environment", "seed", "episodes", "clock")
CHEAPER = ("precision", "reference_steps")


def add_closed_loop(source: Bundle, full: Path, low: Path, out: Path, *, accept: bool) -> Bundle:
    """Copy a bundle with the difference of two evaluations of it in its receipt.

    Success is compared where the task knows it, else the return. A low precision beyond the limit is refused, as `auto`
    would take it; fewer evaluations are nobody's choice but the user's, and the receipt says what they cost.

    Args:
        source: The bundle that was evaluated.
        full: `eval --json` in float32, as many evaluations of the reference as the bundle's setting has.
        low: `eval --json` in a low precision, or with fewer evaluations; with the same seed and number of episodes.
        out: Where the bundle goes.
        accept: Keep a precision beyond the limit; the bundle says so.

    Raises:
        BundleError: They are no such evaluations.
        ExportError: The place is taken, or the difference of a precision is beyond the limit and not accepted.
    """
    rows = [_row(path, source) for path in (full, low)]
    _require_pair(rows, (full, low))
    entry = _entry(*rows)
    low_precision = entry["precision"] != FLOAT32
    if low_precision and not (entry["passed"] or accept):
        raise ExportError(
            f"{low}: {entry['score']} differs from float32's by {entry['difference']:+.3f}, at least "
            f"{entry['difference_low']:+.3f}, expected at least {entry['limit']:g}; no "
            "bundle was written. Insist with --accept-precision."
        )
    with draft_of(out) as draft:
        for name in source.manifest.files:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, draft / name)
        receipt = source.receipt()
        others = [each for each in receipt.get(KEY, []) if _subject(each) != _subject(entry)]
        (draft / RECEIPT).write_text(json.dumps({**receipt, KEY: [*others, entry]}, indent=2) + "\n")
        beyond = {entry["precision"]} if low_precision and not entry["passed"] else set[str]()
        write_manifest(draft, marked(source.manifest, beyond))
    return Bundle.load(out)


def _row(path: Path, source: Bundle) -> dict[str, Any]:
    """Return the row of the bundle's own setting, with what its settings say beside it."""
    try:
        content: Any = json.loads(path.read_text())
        settings, rows = content["settings"], [row for row in content["rows"] if row["mode"] == MODE]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{path} is no evaluation ({error}); make one with `vgf-robot eval BUNDLE --json PATH`."
        ) from error
    if settings.get("bundle_sha256") != source.sha256:
        raise BundleError(f"{path} is of another bundle than {source.folder}; evaluate this one.")
    if len(rows) != 1 or _scores(rows[0]) is None:
        raise BundleError(
            f"{path}: expected one row '{MODE}' with the success of each episode, or its return; evaluate without a "
            "sweep."
        )
    return {**{key: settings.get(key) for key in SAME}, **rows[0]}


def _scores(row: Mapping[str, Any]) -> tuple[str, list[float]] | None:
    """Return what each episode is judged by; None where the row does not have it."""
    for score, key in (("success", "outcomes"), ("return", "returns")):
        if row.get(key) and None not in row[key]:
            return score, row[key]
    return None


def _require_pair(rows: list[dict[str, Any]], paths: tuple[Path, Path]) -> None:
    full, low = rows
    for key in SAME:
        if full[key] != low[key]:
            raise BundleError(f"{paths[0]} and {paths[1]} differ in '{key}' ({full[key]}, {low[key]}); evaluate alike.")
    fewer = full["reference_steps"] > low["reference_steps"]
    if full["precision"] != FLOAT32 or (low["precision"] == FLOAT32) != fewer:
        found = " and ".join(f"{row['precision']} with K = {row['reference_steps']}" for row in rows)
        raise BundleError(
            f"Expected an evaluation in {FLOAT32} and then one that differs in one thing: a low precision, or fewer "
            f"evaluations of the reference (--reference-steps); found {found}."
        )


def _entry(full: Mapping[str, Any], low: Mapping[str, Any]) -> dict[str, Any]:
    (score, expected), (_, found) = _scores(full) or ("", []), _scores(low) or ("", [])
    unit, limit = 1.0, SMALLEST_SUCCESS_DIFFERENCE
    if score == "return":
        unit, limit = abs(float(np.mean(expected))) or 1.0, SMALLEST_RETURN_DIFFERENCE
    differences = (np.array(found, np.float64) - np.array(expected, np.float64)) / unit
    mean = float(differences.mean())
    # Of the pairs' differences: the normal interval of their mean.
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
    bound = mean - STANDARD_ERRORS * error
    return {
        **{key: low[key] for key in (*CHEAPER, "backend", *SAME)},
        "against_reference_steps": full["reference_steps"],
        "score": score,
        "score_float32": float(np.mean(expected)),
        "score_here": float(np.mean(found)),
        "pairs_that_differ": int(np.count_nonzero(differences)),
        "difference": mean,
        "difference_low": bound,
        "limit": limit,
        "passed": bound >= limit,
        "data_distance_float32": full.get("data_distance_mean"),
        "data_distance_here": low.get("data_distance_mean"),
    }


def _subject(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (*(entry.get(key) for key in CHEAPER), entry["backend"])
