"""What is shown of what was found: tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.evaluation.modes import BEST_OF_N, REFERENCE, SWEEP, TUNED
from sim.scores import Score
from sim.suite.comparison import COMPARISON

Row = Mapping[str, Any]
Table = tuple[list[dict[str, Any]], list[str]]


def working_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of the working points and of those rivals that are another setting."""
    tuned = {row["deadline_ms"]: setting_of(row) for row in rows if row["mode"] == TUNED}
    rows = [row for row in rows if row["mode"] == TUNED or setting_of(row) != tuned.get(row["deadline_ms"])]
    return _table(
        [
            {
                "deadline ms": f"{row['deadline_ms']:g}",
                "mode": row["mode"],
                **_setting(row),
                "score (95 %)": str(Score.of(row) or "-"),
                "steps": f"{row['mean_steps']:.2f}",
                "misses": share(row["miss_rate"]),
                "tick p99 ms": _p99(row),
            }
            for row in rows
        ]
    )


def frontier_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of the best setting of every deadline, and what each further millisecond buys."""
    return _table(
        [
            {
                "deadline ms": f"{row['deadline_ms']:g}",
                **(_setting(row) if row["mean_steps"] is not None else {"N": "-", "setting": "nothing fits"}),
                "score (95 %)": str(Score.of(row) or "-"),
                "more than before": _more(row, before),
                "steps": "-" if row["mean_steps"] is None else f"{row['mean_steps']:.2f}",
                "misses": share(row["predicted_miss_rate"]),
            }
            for before, row in zip((None, *rows), rows, strict=False)
        ]
    )


def caution_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of a working point at every displacement."""
    return _table(
        [
            {
                "max_distance": "no limit" if row["max_distance"] is None else f"{row['max_distance']:g}",
                "score (95 %)": str(Score.of(row) or "-"),
                "value": _number(row["value_mean"]),
                "moved": _number(row["displacement_rms"]),
                "from the data": _number(row["data_distance_mean"]),
                "steps": f"{row['mean_steps']:.2f}",
            }
            for row in rows
        ]
    )


def cost_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of what ticks take; latencies show p50 and p99."""
    names = ("backend", "precision", "threads", "num_particles", "tick_ms", "reference_ms", "step_ms", "select_ms")
    heads = ("backend", "precision", "threads", "N", "tick ms", "reference ms", "step ms", "select ms")
    return _table(
        [
            {**{head: row[name] for head, name in zip(heads, names, strict=True)}, "": "fastest" * row["chosen"]}
            for row in rows
        ]
    )


def left_out_table(rows: Sequence[Row]) -> Table:
    """Return cells and columns of what was not simulated: one line per deadline and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.get("left_out") is not None:
            key = (f"{row['deadline_ms']:g}", row["left_out"])
            found.setdefault(key, []).append(f"{row['num_particles']}")
    return _table(
        [
            {"deadline ms": deadline, "N": ", ".join(dict.fromkeys(counts)), "why": reason}
            for (deadline, reason), counts in found.items()
        ]
    )


def sentences(rows: Sequence[Row]) -> list[str]:
    """Return what to do at each deadline, what it is worth, and whether steps are worth their time."""
    found: list[str] = []
    for row in rows:
        if row["mode"] != TUNED:
            continue
        ms = row["deadline_ms"]
        against = [each for each in rows if each["mode"] == COMPARISON and each["deadline_ms"] == ms]
        tick = f"tick p99 {_p99(row)} ms, " if row["tick_ms"] else ""
        found.append(
            f"{ms:g} ms: {_title(row)} on {row['backend']}, {row['precision']}, {row['threads']} "
            f"thread{'s' * (row['threads'] > 1)}: {Score.of(row)}, {row['mean_steps']:.2f} steps a tick, {tick}"
            f"{share(row['predicted_miss_rate'])} misses foretold and {share(row['miss_rate'])} in the episodes."
        )
        found += [f"{ms:g} ms, {text}" for text in (_on_steps(row, rows), *map(_on_rival, against)) if text]
    return found


def setting_of(row: Row) -> tuple[Any, ...]:
    """Return what makes two rows the same setting."""
    names = ("num_particles", "reference_steps", "precision", "max_steps", "step_size", "selection", "max_distance")
    return tuple(row[name] for name in names)


def difference(row: Row) -> str | None:
    """Return a mean difference with its interval, in success where there is one; None where there is none."""
    for name, scale, unit in (("success_difference", 100, " %"), ("return_difference", 1, "")):
        if row.get(name) is not None:
            value, low, high = (f"{scale * row[key]:+,.0f}" for key in (name, f"{name}_low", f"{name}_high"))
            return f"{value}{unit} ({low} to {high})"
    return None


def share(rate: float | None) -> str:
    """Return a share in per cent."""
    return "-" if rate is None else f"{100 * rate:.3g} %"


def _more(row: Row, before: Row | None) -> str:
    if before is not None and before["mean_steps"] is not None and setting_of(before) == setting_of(row):
        return "the same"
    return difference(row) or "-"


def _on_steps(row: Row, rows: Sequence[Row]) -> str | None:
    if row["max_steps"]:
        return None
    what = "the reference alone" if row["num_particles"] == 1 else f"the best of {row['num_particles']}"
    swept = [each for each in rows if each["mode"] == SWEEP and each["deadline_ms"] == row["deadline_ms"]]
    if not any(each["max_steps"] and each["left_out"] is None for each in swept):
        return f"no transport: no step fits, or the bundle takes none; {what} is the answer."
    return f"no transport: {what} is worth as much here as any setting with steps that fits."


def _on_rival(row: Row) -> str:
    name = {BEST_OF_N: "best of N without a step", REFERENCE: "the reference without a step"}.get(
        row["baseline"], "the bundle's own setting"
    )
    return (
        f"against {name}: {difference(row)}, better in {row['better']} and worse in {row['worse']} of "
        f"{row['episodes']} episodes (sign test: p = {row['p_value']:.2g}).{_doubt(row)}"
    )


def _doubt(row: Row) -> str:
    """Return what to do where the rival was clearly better on the confirming episodes: the choice was bad luck."""
    high = row["return_difference_high"] if row["success_difference"] is None else row["success_difference_high"]
    return " It is the better one: choose again with more --episodes." if high < 0 else ""


def _title(row: Row) -> str:
    setting = _setting(row)
    return f"N {setting['N']}, " + ("no step" if not row["max_steps"] else f"up to {setting['setting']}")


def _setting(row: Row) -> dict[str, Any]:
    steps = "no step" if row["max_steps"] == 0 else f"{row['max_steps']} step{'s' * (row['max_steps'] > 1)}"
    steps += "" if row["step_size"] is None else f" of {row['step_size']:g}"
    steps += "" if row["max_distance"] is None else f" within {row['max_distance']:g}"
    steps += "" if row["selection"] in (None, "argmax") else f", {row['selection']}"
    return {"N": row["num_particles"], "setting": steps}


def _p99(row: Row) -> str:
    return "-" if row["tick_ms"] is None else f"{row['tick_ms']['p99']:.2f}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def _table(cells: list[dict[str, Any]]) -> Table:
    """Return cells and their columns, but for those that are empty in every row."""
    columns = list(cells[0]) if cells else []
    return cells, [column for column in columns if any(cell[column] not in (None, "") for cell in cells)]
