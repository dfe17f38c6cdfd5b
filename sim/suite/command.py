"""`vgf-robot eval SUITE.yaml`: run it, write it down, show it, judge it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sim.suite.comparison import comparison_rows
from sim.suite.episode_row import Row
from sim.suite.judgement import require_limits_kept
from sim.suite.run import EPISODES, run_suite
from sim.suite.suite import Suite, load_suite
from sim.suite.summary import by_cell, cell_row
from sim.suite.tables import cell_table, comparison_table
from vgf_robot.results import finite, print_table, write_json

SUMMARY = "summary.json"


def evaluate_suite(path: Path, out: Path | None, workers: int | None, json: Path | None) -> int:
    """Run a suite's file, or what is left of it.

    Args:
        path: The file.
        out: Folder of the episodes; None for `out/` and the file's name.
        workers: Processes; None as in the file.
        json: Where the summary is written beside the folder.

    Raises:
        VgfError: What stands against the suite, or a limit that is not kept.
    """
    suite = load_suite(path)
    if workers is not None:
        suite = msgspec.structs.replace(suite, workers=workers)
    folder = Path("out") / path.stem if out is None else out
    rows = run_suite(suite, folder)
    return publish(suite, folder, rows, json)


def publish(suite: Suite, folder: Path, rows: list[Row], json: Path | None) -> int:
    """Write the summary first, then show it and judge it."""
    cells = by_cell(suite, rows)
    summary = {cell: cell_row(cell, episodes) for cell, episodes in cells.items()}
    comparisons = comparison_rows(cells, suite.baseline)
    settings = {"folder": str(folder), "episodes_file": str(folder / EPISODES), **msgspec.to_builtins(suite)}
    for place in (folder / SUMMARY, *([] if json is None else [json])):
        write_json(place, "eval", settings, finite([*summary.values(), *comparisons]))
    title = f"{folder.name}, {suite.clock}: {suite.episodes} episodes each, seed {suite.seed}"
    print_table(title, *cell_table(list(summary.values())))
    if comparisons:
        print_table(f"against {suite.baseline} on the same seeds", *comparison_table(comparisons))
    print(f"Every episode is a row of {folder / EPISODES}.")
    require_limits_kept(suite, summary)
    return 0
