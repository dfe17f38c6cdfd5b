"""Which setting of an evaluation becomes the bundle's operating point.

The rule is here, and not where evaluations run, because sealing must not need a simulator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from vgf_robot.bundle.manifest import OperatingPoint, Selection
from vgf_robot.errors import BundleError

Row = Mapping[str, Any]

# A 95 % interval reaches 1.96 standard errors to either side.
_STANDARD_ERRORS_PER_INTERVAL = 2 * 1.959963984540054
_NEEDED = ("num_particles", "reference_steps", "max_steps", "episodes")


def choose_operating_point(evaluation: Mapping[str, Any], bundle_sha256: str, base: OperatingPoint) -> OperatingPoint:
    """Return the sealed operating point that an evaluation speaks for.

    Args:
        evaluation: The object that `vgf-robot eval BUNDLE --json` wrote.
        bundle_sha256: Which bundle shall be sealed.
        base: Its present operating point: gives what the evaluation did not vary, such as the largest distance, and
            what the chosen setting does not use, such as the step size of a cap of 0.

    Raises:
        BundleError: No evaluation, one of another bundle or against the clock, or rows that cannot be compared.
    """
    _require_evaluation(evaluation, bundle_sha256)
    row = best_row(evaluation["rows"])
    step_size, selection = row.get("step_size"), row.get("selection")
    return msgspec.structs.replace(
        base,
        num_particles=row["num_particles"],
        reference_steps=row["reference_steps"],
        max_steps=row["max_steps"],
        step_size=base.step_size if step_size is None else step_size,
        min_gain=row.get("min_gain"),
        selection=base.selection if selection is None else selection,
        sealed=True,
    )


def chosen_on(provenance: Mapping[str, Any], environment: str, seed: int) -> bool:
    """Return whether the bundle's setting was chosen on the very episodes that this environment and seed stand for.

    What is chosen on some episodes looks better on them than on others.

    Args:
        provenance: The manifest's; a sealed bundle keeps the settings of the evaluation that chose under `selection`.
        environment: The plant's name.
        seed: The evaluation's.
    """
    selection: object = provenance.get("selection")
    settings: object = cast(Row, selection).get("settings") if isinstance(selection, Mapping) else None
    if not isinstance(settings, Mapping):
        return False
    record = cast(Row, settings)
    return (record.get("environment"), record.get("seed")) == (environment, seed)


def best_row(rows: Sequence[Row]) -> Row:
    """Return the row to deploy: the cheapest of those that the best one does not clearly beat.

    Best is the highest success rate, or the highest mean return where the task knows no success. Every row within
    one standard error of it (its 95 % interval over 3.92) counts as equally good. Among those the fewest steps win
    (those taken on average, where some were left out for gaining too little), then the fewest particles, then the
    higher score, then the smaller step. The best of many noisy rows looks better than it is; a smaller budget is at
    least the more cautious one.

    Raises:
        BundleError: No rows, or rows that cannot be compared.

    Source: Breiman et al., "Classification and regression trees", 1984, section 3.4.3: the one-standard-error rule.
    """
    score, low, high = _score_keys(rows)
    best = max(rows, key=lambda row: row[score])
    tolerance = (best[high] - best[low]) / _STANDARD_ERRORS_PER_INTERVAL
    equals = [row for row in rows if row[score] >= best[score] - tolerance]
    return min(
        equals,
        key=lambda row: (
            row.get("mean_steps") or row["max_steps"],
            row["num_particles"],
            -row[score],
            row.get("step_size") or 0.0,
        ),
    )


def _require_evaluation(evaluation: Mapping[str, Any], bundle_sha256: str) -> None:
    settings: Any = evaluation.get("settings")
    if evaluation.get("verb") != "eval" or not isinstance(settings, Mapping) or not evaluation.get("rows"):
        raise BundleError("The file is no evaluation with rows; make one with `vgf-robot eval BUNDLE --json PATH`.")
    found = settings.get("bundle_sha256")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if found != bundle_sha256:
        raise BundleError(
            f"The evaluation is of another bundle: its bundle_sha256 is {found}, expected {bundle_sha256}; "
            "evaluate the bundle that shall be sealed."
        )
    if settings.get("interrupted"):  # pyright: ignore[reportUnknownMemberType]
        raise BundleError("The evaluation was interrupted before every setting had its episodes; run it to its end.")
    clock = settings.get("clock")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if clock != "lock-step":
        raise BundleError(
            f"The evaluation ran with clock '{clock}', expected 'lock-step': a deadline cuts steps off, and the rows "
            "would speak for this machine's load and not for the setting."
        )


def _score_keys(rows: Sequence[Row]) -> tuple[str, str, str]:
    """Return the keys of score, lower and upper bound, after checking that every row has them."""
    if not rows:
        raise BundleError("The evaluation has no rows; make one with `vgf-robot eval BUNDLE --json PATH`.")
    keys = ("success_rate", "success_low", "success_high")
    if all(row.get("success_rate") is None for row in rows):
        keys = ("return_mean", "return_low", "return_high")
    for number, row in enumerate(rows, start=1):
        missing = [key for key in (*_NEEDED, *keys) if row.get(key) is None]
        if missing:
            raise BundleError(f"Row {number} of the evaluation lacks {', '.join(missing)}; evaluate again.")
        _require_finite(number, row, keys)
    for key in ("task", "episodes"):
        if len(found := {row.get(key) for row in rows}) > 1:
            raise BundleError(f"The rows differ in '{key}' ({', '.join(map(str, found))}); evaluate them together.")
    return keys


def _require_finite(number: int, row: Row, keys: tuple[str, ...]) -> None:
    if not all(isinstance(row[key], int | float) and math.isfinite(row[key]) for key in keys):
        raise BundleError(f"Row {number} of the evaluation has a {keys[0]} that is no finite number; evaluate again.")
    selection = row.get("selection")
    if selection is not None and selection not in get_args(Selection):
        raise BundleError(
            f"Row {number} of the evaluation has selection '{selection}', expected {', '.join(get_args(Selection))}."
        )
