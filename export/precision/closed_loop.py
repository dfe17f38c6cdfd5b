"""The last line of a precision's receipt: success in the closed loop against float32, on the same episodes."""

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
from vgf_robot.receipts import FLOAT32, SMALLEST_SUCCESS_DIFFERENCE

RECEIPT, KEY, MODE = "receipt.json", "closed_loop", "tuned"
STANDARD_ERRORS = 1.959963984540054  # of a two-sided 95 % interval
SAME = ("environment", "seed", "episodes", "clock")


def add_closed_loop(source: Bundle, full: Path, low: Path, out: Path, *, accept: bool) -> Bundle:
    """Copy a bundle with the difference of two evaluations of it in its receipt.

    Args:
        source: The bundle that was evaluated.
        full: `eval --json` in float32.
        low: `eval --json` in a low precision, with the same seed and number of episodes.
        out: Where the bundle goes.
        accept: Keep what is beyond the limit; the bundle says so.

    Raises:
        BundleError: They are no such evaluations.
        ExportError: The place is taken, or the difference is beyond the limit and not accepted.
    """
    rows = [_row(path, source) for path in (full, low)]
    _require_pair(rows, (full, low))
    entry = _entry(*rows)
    if not (entry["passed"] or accept):
        raise ExportError(
            f"{low}: success differs from float32's by {entry['difference']:+.3f}, at least "
            f"{entry['difference_low']:+.3f}, expected at least {SMALLEST_SUCCESS_DIFFERENCE:g}; no "
            "bundle was written. Insist with --accept-precision."
        )
    with draft_of(out) as draft:
        for name in source.manifest.files:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / name, draft / name)
        receipt = source.receipt()
        others = [each for each in receipt.get(KEY, []) if _subject(each) != _subject(entry)]
        (draft / RECEIPT).write_text(json.dumps({**receipt, KEY: [*others, entry]}, indent=2) + "\n")
        write_manifest(draft, marked(source.manifest, set() if entry["passed"] else {entry["precision"]}))
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
    if len(rows) != 1 or None in rows[0].get("outcomes", [None]):
        raise BundleError(
            f"{path}: expected one row '{MODE}' with the success of each episode; evaluate without a sweep."
        )
    return {**{key: settings.get(key) for key in SAME}, **rows[0]}


def _require_pair(rows: list[dict[str, Any]], paths: tuple[Path, Path]) -> None:
    for key in SAME:
        if rows[0][key] != rows[1][key]:
            raise BundleError(
                f"{paths[0]} and {paths[1]} differ in '{key}' ({rows[0][key]}, {rows[1][key]}); evaluate alike."
            )
    if rows[0]["precision"] != FLOAT32 or rows[1]["precision"] == FLOAT32:
        found = f"{rows[0]['precision']} and {rows[1]['precision']}"
        raise BundleError(f"Expected an evaluation in {FLOAT32} and then one in a low precision, found {found}.")


def _entry(full: Mapping[str, Any], low: Mapping[str, Any]) -> dict[str, Any]:
    differences = np.array(low["outcomes"], np.float64) - np.array(full["outcomes"], np.float64)
    mean = float(differences.mean())
    # Of the pairs' differences, each -1, 0 or 1: the normal interval of their mean.
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
    bound = mean - STANDARD_ERRORS * error
    return {
        "precision": low["precision"],
        "backend": low["backend"],
        **{key: low[key] for key in SAME},
        "success_float32": full["success_rate"],
        "success": low["success_rate"],
        "pairs_that_differ": int(np.count_nonzero(differences)),
        "difference": mean,
        "difference_low": bound,
        "limit": SMALLEST_SUCCESS_DIFFERENCE,
        "passed": bound >= SMALLEST_SUCCESS_DIFFERENCE,
    }


def _subject(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return entry["precision"], entry["backend"]
