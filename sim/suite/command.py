"""`vgf-robot eval SUITE.yaml`: run it, write it down, show it, judge it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from sim.suite.cluster import Cluster
from sim.suite.comparison import comparison_rows
from sim.suite.episode_row import Row
from sim.suite.judgement import require_limits_kept
from sim.suite.run import EPISODES, run_suite
from sim.suite.suite import Suite, load_suite
from sim.suite.summary import by_cell, cell_row
from sim.suite.tables import cell_table, comparison_table
from sim.suite.versions import versions
from vgf_robot.results import finite, print_table, write_json

SUMMARY = "summary.json"


def evaluate_suite(
    path: Path,
    out: Path | None = None,
    workers: int | None = None,
    json: Path | None = None,
    *,
    ray_address: str | None = None,
    report: Callable[[Path], object] | None = None,
) -> int:
    """Run a suite's file, or what is left of it.

    Args:
        path: The file.
        out: Folder of the episodes; None for `out/` and the file's name.
        workers: Processes; None as in the file.
        json: Where the summary is written beside the folder.
        ray_address: Of the cluster that runs the episodes; None for this machine.
        report: Makes a report of the folder, before the limits are judged.

    Raises:
        VgfError: What stands against the suite, or a limit that is not kept.
    """
    suite = load_suite(path)
    if workers is not None:
        suite = msgspec.structs.replace(suite, workers=workers)
    cluster = None if ray_address is None else _cluster(ray_address, suite, workers)
    folder = Path("out") / path.stem if out is None else out
    rows = run_suite(suite, folder, cluster=cluster)
    return publish(suite, folder, rows, json, report)


def _cluster(address: str, suite: Suite, workers: int | None) -> Cluster:
    """Return the cluster; a suite that says nothing of workers gets all of its processors."""
    return Cluster(address=address, num_workers=workers or (suite.workers if suite.workers > 1 else None))


def publish(
    suite: Suite,
    folder: Path,
    rows: list[Row],
    json: Path | None,
    report: Callable[[Path], object] | None = None,
) -> int:
    """Write the summary first, then show it, report it and judge it."""
    cells = by_cell(suite, rows)
    summary = {cell: cell_row(cell, episodes) for cell, episodes in cells.items()}
    comparisons = comparison_rows(cells, suite.baseline)
    places = {"folder": str(folder), "episodes_file": str(folder / EPISODES), "versions": versions()}
    settings = {**places, **msgspec.to_builtins(suite)}
    for place in (folder / SUMMARY, *([] if json is None else [json])):
        write_json(place, "eval", settings, finite([*summary.values(), *comparisons]))
    title = f"{folder.name}, {suite.clock}: {suite.episodes} episodes each, seed {suite.seed}"
    print_table(title, *cell_table(list(summary.values())))
    if comparisons:
        print_table(f"against {suite.baseline} on the same seeds", *comparison_table(comparisons))
    print(f"Every episode is a row of {folder / EPISODES}.")
    if report is not None:
        report(folder)
    require_limits_kept(suite, summary)
    return 0
