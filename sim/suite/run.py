"""Running a suite, or what is left of one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from sim.evaluation.progress import progress
from sim.plants import knows_success as plant_knows_success
from sim.plants import open_plant as open_any_plant
from sim.plants.workers import in_workers
from sim.suite.cells import Key, keys_of
from sim.suite.cluster import Cluster, Pool, connected, on_cluster
from sim.suite.cluster_worker import Load
from sim.suite.consistency import require_consistent_suite, require_success_known
from sim.suite.episode_row import Row
from sim.suite.identity import files_of, identity_of, require_same
from sim.suite.journal import Journal, key_of, open_journal, read_journal
from sim.suite.parquet_file import read_parquet, write_parquet
from sim.suite.suite import Suite
from sim.suite.work import EpisodeRunner, OpenPlant, SuiteWork
from vgf_robot.bundle import Bundle
from vgf_robot.config import dump
from vgf_robot.errors import ConfigError

IDENTITY, RESOLVED, JOURNAL, EPISODES = "identity.json", "suite.yaml", "episodes.jsonl", "episodes.parquet"
Note = Callable[[str], object]
Finished = Generator[tuple[Key, dict[str, Any]]]


def run_suite(
    suite: Suite,
    folder: Path,
    *,
    cluster: Cluster | None = None,
    open_plant: OpenPlant = open_any_plant,
    knows_success: Callable[[str], bool] = plant_knows_success,
    note: Note = print,
) -> list[Row]:
    """Run every episode of a suite that is not in the folder yet.

    Every episode that ends is on disk at once: a suite that was killed goes on without repeating or losing one.

    Args:
        suite: What to run.
        folder: Where its episodes are kept; made if missing.
        cluster: Where they are run, in the place of the suite's workers; None for this machine.
        open_plant: Opens a plant by its name.
        knows_success: Whether a plant says when its task is solved.
        note: Takes what is worth saying.

    Returns:
        The rows of all episodes, in the suite's order, whatever the number of workers and of interruptions.

    Raises:
        VgfError: Anything that stands against the suite, before anything is written.
        KeyboardInterrupt: The rows that there are stand in the folder.
    """
    require_consistent_suite(suite)
    if cluster is not None:
        _require_no_clock(suite)
    bundles = {task.title: Bundle.load(task.bundle) for task in suite.tasks}
    work = SuiteWork.of(suite, bundles, open_plant)
    require_success_known(suite, {name: knows_success(job.environment) for name, job in work.jobs.items()})
    work.require_possible()
    identity = identity_of(suite, bundles)
    keys = keys_of(suite)
    with ExitStack() as stack:
        pool = None if cluster is None else stack.enter_context(connected(cluster))
        folder.mkdir(parents=True, exist_ok=True)
        journal = stack.enter_context(open_journal(folder / JOURNAL))
        require_same(folder / IDENTITY, identity)
        dump(suite, folder / RESOLVED)
        _recall(journal, folder / EPISODES)
        missing = [key for key in keys if key not in journal.rows]
        if len(missing) < len(keys):
            note(f"{len(keys) - len(missing)} of {len(keys)} episodes were in {folder} already.")
        try:
            _run(missing, journal, _finished(work, missing, pool, files_of(suite, bundles)))
        except KeyboardInterrupt:
            note(f"{len(journal.rows)} of {len(keys)} episodes are in {folder}; the same command goes on from there.")
            raise
        finally:
            rows = [journal.rows[key] for key in keys if key in journal.rows]
            if rows:
                write_parquet(folder / EPISODES, rows)
    return rows


def recorded_rows(folder: Path) -> dict[Key, Row]:
    """Return the episodes that a suite's folder holds, which another process may be adding to.

    Raises:
        DatasetError: A file is damaged.
    """
    rows = read_journal(folder / JOURNAL)
    if (folder / EPISODES).exists():
        rows = {key_of(row): row for row in read_parquet(folder / EPISODES)} | rows
    return rows


def _recall(journal: Journal, path: Path) -> None:
    """Add the rows of a table that was written earlier, which are the journal's own but for one that was removed."""
    if path.exists():
        for row in read_parquet(path):
            journal.rows.setdefault(key_of(row), row)


def _require_no_clock(suite: Suite) -> None:
    if suite.clock == "real-time" or (suite.clock == "charged" and suite.profile is None):
        raise ConfigError(
            f"Clock {suite.clock} measures the machine it runs on, and a cluster has many; take lock-step, or charged "
            "with a profile."
        )


def _run(keys: Sequence[Key], journal: Journal, episodes: Finished) -> None:
    with progress(len(keys)) as advance, closing(episodes) as finished:
        for key, row in finished:
            journal.note(key, row)
            advance()


def _finished(work: SuiteWork, keys: Sequence[Key], pool: Pool | None, paths: Sequence[Path]) -> Finished:
    if pool is not None:
        if keys:
            yield from on_cluster(Load.of(work, paths), keys, pool, _name)
        return
    runner = EpisodeRunner(work)
    if work.suite.workers > 1:
        yield from in_workers(runner, keys, work.suite.workers, _name)
        return
    with closing(runner):
        for key in keys:
            yield key, runner(key)


def _name(key: Key) -> str:
    cell = key.cell
    return f"episode {key.episode} of {cell.task}, {cell.scenario} at {cell.severity:g}, budget {cell.budget}"
