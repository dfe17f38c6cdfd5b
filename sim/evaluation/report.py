"""What stands beside the table: what is needed to repeat it, and what a reader must not overlook."""

from __future__ import annotations

from typing import Any

import msgspec

from sim.evaluation.evaluate import Evaluation
from sim.evaluation.sweep import REFERENCE, SWEEP, TUNED, exported_particles
from vgf_robot.bundle.choice import best_row, chosen_on


def settings_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that is needed to repeat the evaluation, for the JSON."""
    manifest = evaluation.bundle.manifest
    return {
        "bundle": str(evaluation.bundle.folder),
        "bundle_name": manifest.name,
        "bundle_sha256": evaluation.bundle.sha256,
        "operating_point": msgspec.to_builtins(manifest.operating_point),
        "control_period_s": manifest.control_period_s,
        **msgspec.to_builtins(evaluation.plan),
        "environment": evaluation.environment,
        "chosen_on_these_episodes": _chosen_here(evaluation),
    }


def print_notes(evaluation: Evaluation) -> None:
    """Print, one line each, what the table alone would leave to be overlooked."""
    for note in notes(evaluation):
        print(note)


def notes(evaluation: Evaluation) -> list[str]:
    """Return the sentences below the table."""
    manifest, rows = evaluation.bundle.manifest, evaluation.rows
    point, found = manifest.operating_point, []
    modes = {row["mode"] for row in rows}
    for row in rows:
        if row["fallbacks"]:
            reasons = ", ".join(f"{reason} {count}" for reason, count in row["fallbacks"].items())
            found.append(f"Fallbacks, {row['mode']} N {row['num_particles']}, {row['max_steps']} steps: {reasons}.")
    if evaluation.plan.axes.empty and REFERENCE not in modes:
        found.append(
            f"No row 'reference': the bundle carries N = {exported_particles(manifest)} and no single particle."
        )
    if TUNED in modes and not point.sealed:
        found.append("The row 'tuned' is the exporter's first guess: seal one with `export --cap-from`.")
    if TUNED in modes and point.sealed and point.max_steps == 0:
        found.append(
            "The sealed cap is 0 transport steps: the evaluation found that moving the particles does not pay."
        )
    if _chosen_here(evaluation):
        found.append("The sealed setting was chosen on these very episodes, which flatters it; take another --seed.")
    if SWEEP in modes and evaluation.plan.clock == "lock-step":
        best = best_row(rows)
        step = "" if best["max_steps"] == 0 else f" of {best['step_size']:g}"
        selection = "" if best["selection"] is None else f", {best['selection']}"
        found.append(
            f"`export --cap-from` would seal N {best['num_particles']}, {best['max_steps']} steps{step}{selection}: "
            "the cheapest row within one standard error of the best."
        )
    return found


def _chosen_here(evaluation: Evaluation) -> bool:
    return chosen_on(evaluation.bundle.manifest.provenance, evaluation.environment, evaluation.plan.seed)
