"""What is shown of an evaluation: the table, the notes below it, the limits; and what is needed to repeat it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sim.evaluation.d4rl_scores import SCORE_COLUMNS
from sim.evaluation.evaluate import Evaluation
from sim.evaluation.modes import ADAPTIVE, FIXED_0, FIXED_CAP, REFERENCE, SWEEP, TUNED
from sim.evaluation.plan import Plan
from vgf_robot.bundle import best_row, chosen_on
from vgf_robot.errors import BundleError, ConfigError, LimitError
from vgf_robot.results import cell_text

Row = Mapping[str, Any]
Cells = tuple[list[dict[str, Any]], list[str]]

_TERMINAL_WIDTH = 80
_EXPENDABLE = ("moved", "tick ms", "trip ms", "N", "choice")  # where the table is too wide; the first goes first


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
        "interrupted": evaluation.interrupted,
    }


def notes(evaluation: Evaluation) -> list[str]:
    """Return the sentences below the table: what it alone would leave to be overlooked."""
    rows = evaluation.rows
    found = [_fallbacks(row) for row in rows if row["fallbacks"]]
    found += _on_faults(evaluation.plan)
    found += _on_d4rl(evaluation)
    found += _on_the_setting(evaluation)
    if evaluation.interrupted:
        episodes = rows[0]["episodes"] if rows else 0
        found.append(f"Interrupted; rows: {len(rows)}, episodes of each: {episodes}.")
    elif SWEEP in {row["mode"] for row in rows} and evaluation.plan.clock == "lock-step":
        found.append(_on_sealing(rows))
    return found


def _fallbacks(row: Row) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in row["fallbacks"].items())
    return f"Fallbacks, {row['mode']} N {row['num_particles']}, {row['max_steps']} steps: {reasons}."


def _on_faults(plan: Plan) -> list[str]:
    kinds = ", ".join(msgspec.to_builtins(plan.faults))
    return [f"Faults at severity {plan.severity:g}: {kinds}."] if kinds and plan.severity > 0 else []


def _on_d4rl(evaluation: Evaluation) -> list[str]:
    task = evaluation.plan.d4rl_task
    if task is None:
        return []
    return [
        f"D4RL score: 0 is a random policy, 100 an expert of {task} in D4RL's own environment (gym's -v2 bodies in "
        f"mujoco-py). {evaluation.environment} is not that one: contacts, observations and rewards differ, and no "
        "published score can be compared with these."
    ]


def _on_the_setting(evaluation: Evaluation) -> list[str]:
    manifest, plan = evaluation.bundle.manifest, evaluation.plan
    point, modes = manifest.operating_point, {row["mode"] for row in evaluation.rows}
    judged = next((mode for mode in (TUNED, ADAPTIVE) if mode in modes), None)
    found: list[str] = []
    if modes and plan.clock == "lock-step" and not plan.sweeps and REFERENCE not in modes:
        counts = list(manifest.particle_counts)
        found.append(f"No row 'reference': the bundle carries N = {counts} and no single particle.")
    if judged and not point.sealed:
        found.append(f"The row '{judged}' is the exporter's first guess: seal one with `export --cap-from`.")
    if judged and point.sealed and point.max_steps == 0:
        found.append(
            "The sealed cap is 0 transport steps: the evaluation found that moving the particles does not pay."
        )
    if _chosen_here(evaluation):
        found.append("The sealed setting was chosen on these very episodes, which flatters it; take another --seed.")
    return found


def _on_sealing(rows: Sequence[Row]) -> str:
    try:
        best = best_row(rows)
    except BundleError as error:
        return f"`export --cap-from` would refuse this evaluation: {error}"
    step = "" if best["max_steps"] == 0 else f" of {best['step_size']:g}"
    step += "" if best.get("min_gain") is None else f" while one gains {best['min_gain']:g}"
    selection = "" if best["selection"] is None else f", {best['selection']}"
    return (
        f"`export --cap-from` would seal N {best['num_particles']}, {best['max_steps']} steps{step}{selection}: "
        "the cheapest row within one standard error of the best."
    )


def _chosen_here(evaluation: Evaluation) -> bool:
    return chosen_on(evaluation.bundle.manifest.provenance, evaluation.environment, evaluation.plan.seed)


def require_judgeable(plan: Plan, environment: str, knows_success: Callable[[str], bool]) -> None:
    """Refuse, before the work, a limit that the task cannot be judged by.

    Args:
        plan: With the limits.
        environment: The plant's name.
        knows_success: Whether a plant says when its task is solved.

    Raises:
        ConfigError: A success rate is asked of a task that has none.
        PlantError: There is no such plant.
    """
    if plan.min_success is not None and not knows_success(environment):
        raise ConfigError(f"--min-success: '{environment}' gives returns and no success; take --min-return.")


def require_limits(rows: Sequence[Row], plan: Plan) -> None:
    """Check the tuned row, in real time the adaptive one, or where there is none every row but those beside it.

    Args:
        rows: The result.
        plan: With the limits.

    Raises:
        LimitError: The first limit that was not met.
    """
    candidates = ([row for row in rows if row["mode"] in modes] for modes in ((TUNED, ADAPTIVE), (SWEEP,)))
    beside = (FIXED_0, FIXED_CAP)
    judged = next(filter(None, candidates), None) or [row for row in rows if row["mode"] not in beside] or rows
    for row in judged:
        where = f"{row['mode']} (N {row['num_particles']}, {row['max_steps']} steps)"
        for key, what, limit in (
            ("success_rate", "success rate", plan.min_success),
            ("return_mean", "mean return", plan.min_return),
        ):
            if limit is not None and not (row[key] is not None and row[key] >= limit):  # NaN meets no limit
                found = "unknown" if row[key] is None else f"{row[key]:.4g}"
                raise LimitError(f"{where}: {what} {found}, expected at least {limit:g}.")
        if plan.max_miss_rate is not None and row["miss_rate"] > plan.max_miss_rate:
            raise LimitError(f"{where}: miss rate {row['miss_rate']:.3g}, expected at most {plan.max_miss_rate:g}.")


def table(rows: Sequence[Row]) -> Cells:
    """Return the cells and the columns of the table.

    Args:
        rows: With the keys of the JSON.

    Returns:
        One mapping per row from column to cell, and the columns in order.
    """
    cells = [{column: read(row) for column, read in _COLUMNS.items()} for row in rows]
    hidden = {column for column in _COLUMNS if all(cell[column] is None for cell in cells)}
    hidden |= {column for column in ("size", "choice") if len({cell[column] for cell in cells} - {None}) < 2}
    if any(row["success_rate"] is not None for row in rows):
        hidden.add("return (95 %)")
    if any(row["deadline_ms"] is not None for row in rows):
        hidden.add("moved")  # against the clock, misses are the news
    elif all(row["miss_rate"] == 0 for row in rows):
        hidden.add("misses")
    return cells, [column for column in _COLUMNS if column not in hidden]


def for_terminal(cells: Cells) -> Cells:
    """Return the columns that fit into 80 characters; the JSON has everything."""
    rows, columns = cells
    shown = list(columns)
    for column in _EXPENDABLE:
        if _width(rows, shown) > _TERMINAL_WIDTH and column in shown:
            shown.remove(column)
    return rows, shown


def _width(rows: Sequence[Row], columns: Sequence[str]) -> int:
    """Return the characters of a line: a column is as wide as its widest cell, and has three more around it."""
    return 1 + sum(3 + max(len(text) for text in (c, *(cell_text(row[c]) for row in rows))) for c in columns)


def _steps(row: Row) -> str:
    """Return the steps allowed, and what was taken of them where a deadline cut some off."""
    whole = row["deadline_ms"] is None or row["max_steps"] == 0
    return str(row["max_steps"]) if whole else f"{row['mean_steps']:.2g} of {row['max_steps']}"


def _success(row: Row) -> str | None:
    if row["success_rate"] is None:
        return None
    rate, low, high = (100 * row[key] for key in ("success_rate", "success_low", "success_high"))
    return f"{rate:.0f} ({low:.0f} to {high:.0f})"


def _return(row: Row) -> str:
    mean, low, high = (_short(row[key]) for key in ("return_mean", "return_low", "return_high"))
    return f"{mean} ({low} to {high})"


def _d4rl_score(row: Row) -> str | None:
    if row.get("d4rl_score") is None:
        return None
    score, low, high = (row[key] for key in SCORE_COLUMNS)
    return f"{score:.1f} ({low:.1f} to {high:.1f})"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _misses(row: Row) -> str:
    return f"{100 * row['miss_rate']:.3g} %"


def _key(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


_COLUMNS: dict[str, Callable[[Row], Any]] = {
    "mode": _key("mode"),
    "N": _key("num_particles"),
    "steps": _steps,
    "size": _key("step_size"),
    "gain": lambda row: row.get("min_gain"),
    "choice": _key("selection"),
    "success % (95 %)": _success,
    "return (95 %)": _return,
    "D4RL score (95 %)": _d4rl_score,
    "moved": _key("displacement_rms"),
    "to the data": lambda row: row.get("data_distance_mean"),
    "misses": _misses,
    "tick ms": _key("tick_ms"),
    "trip ms": _key("round_trip_ms"),
}
