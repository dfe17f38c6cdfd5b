"""Steps against step sizes: what moving the particles is worth, and which cells nobody ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.scores.document import NOT_RUN, Table
from sim.scores.policy import Evaluated, Policy, Row
from sim.scores.score import Score

_UNMOVED = "moves no particles"
_RIVALS = ("ifql", "fql")
Origin = tuple[Policy, str | None, int | None, int | None]


def curves(evaluations: Sequence[Evaluated]) -> list[Table]:
    """Return, for each policy that was swept, a table per N and rule: step sizes downwards, steps to the right.

    Sweeps of one bundle on the same episodes are put together. A policy that was run at one number of steps has no
    curve, and says so.
    """
    grouped: dict[Origin, list[Row]] = {}
    searched: set[Origin] = set()
    for evaluated in evaluations:
        key = (evaluated.policy, evaluated.bundle_sha256, evaluated.seed, evaluated.episodes)
        grouped.setdefault(key, []).extend(row for row in evaluated.rows if row.get("min_gain") is None)
        if not evaluated.sealed or evaluated.row("sweep") is not None:
            searched.add(key)
    swept = {origin: rows for origin, rows in grouped.items() if origin in searched and len(_steps(rows)) > 1}
    tables = [Table(title="Steps and step sizes", notes=_without(evaluations, swept))]
    for origin, rows in swept.items():
        tables += _tables(origin, rows)
    return tables


def _without(evaluations: Sequence[Evaluated], swept: dict[Origin, list[Row]]) -> list[str]:
    have = {(policy.task, policy.method) for policy, *_ in swept}
    all_of_them = dict.fromkeys((evaluated.policy.task, evaluated.policy.method) for evaluated in evaluations)
    return [
        f"{task}, {method}: {_UNMOVED if method in _RIVALS else NOT_RUN}."
        for task, method in all_of_them
        if (task, method) not in have
    ]


def _tables(origin: Origin, rows: Sequence[Row]) -> list[Table]:
    policy, _, seed, episodes = origin
    training = "" if policy.seed is None else f", training seed {policy.seed}"
    updates = "" if policy.updates is None else f", {policy.updates:,} updates"
    where = f"{policy.task}, {policy.method}{training}{updates}; {episodes} episodes, seed {seed}"
    tables: list[Table] = []
    for count, rule in dict.fromkeys((row.get("num_particles"), row.get("selection")) for row in rows):
        own = [row for row in rows if (row.get("num_particles"), row.get("selection")) == (count, rule)]
        title = f"{where}: N {count}" + ("" if rule is None else f", {rule}")
        tables.append(Table(title=title, level=3, columns=_head(rows), rows=_grid(own, rows)))
    return tables


def _head(rows: Sequence[Row]) -> list[str]:
    return ["step size", *(f"{steps} steps" if steps != 1 else "1 step" for steps in _steps(rows))]


def _grid(own: Sequence[Row], rows: Sequence[Row]) -> list[list[str]]:
    """Return a row per step size; without a step the size makes no difference, and the score stands in every row."""
    cells: dict[tuple[Any, Any], str] = {}
    for row in own:
        size = None if row.get("max_steps") == 0 else row.get("step_size")
        cells.setdefault((row.get("max_steps"), size), str(Score.of(row) or NOT_RUN))
    return [
        [f"{size:g}", *(cells.get((steps, size if steps else None), NOT_RUN) for steps in _steps(rows))]
        for size in _sizes(rows)
    ]


def _steps(rows: Sequence[Row]) -> list[int]:
    return sorted({row["max_steps"] for row in rows if row.get("max_steps") is not None})


def _sizes(rows: Sequence[Row]) -> list[float]:
    return sorted({row["step_size"] for row in rows if row.get("step_size") is not None and row.get("max_steps")})
