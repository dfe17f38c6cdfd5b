"""A suite's episodes in one process of a cluster: what travels there, and what is done with it."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from sim.plants.workers import ENVIRONMENT
from sim.suite.cells import Key
from sim.suite.versions import ROOT, versions
from sim.suite.work import EpisodeRunner, SuiteWork
from vgf_robot.errors import VgfError

Files = Mapping[str, bytes]
Shared = Sequence[Any]
"""A reference to the load, by itself."""
Answer = tuple[Exception | None, dict[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What every worker is sent once.

    Attributes:
        work: The suite.
        bundles: The files of every task's bundle by their names, by the tasks' names: they travel by their content.
        folder: The working folder of this process: what else the suite names lies there, by its path.
        sha256: Of those other files, by their paths.
        versions: Of the packages here.
        node: This machine's name.
        root: Where the code lies.
    """

    work: SuiteWork
    bundles: Mapping[str, Files]
    folder: str
    sha256: Mapping[str, str]
    versions: Mapping[str, str]
    node: str
    root: str

    @classmethod
    def of(cls, work: SuiteWork, paths: Sequence[Path]) -> Load:
        """Pack a suite.

        Args:
            work: The suite.
            paths: Files that its episodes depend on, beside the bundles.
        """
        return cls(
            work=work,
            bundles={task: _files_in(job.bundle) for task, job in work.jobs.items()},
            folder=str(Path.cwd()),
            sha256={str(path): sha256(path.read_bytes()).hexdigest() for path in paths},
            versions=versions(),
            node=platform.node(),
            root=str(ROOT),
        )


@final
class Worker:
    """One process of the cluster."""

    def __init__(self) -> None:
        os.environ.update(ENVIRONMENT)
        self._place = tempfile.TemporaryDirectory(prefix="vgf-robot-")
        self._runner: EpisodeRunner | None = None

    def complaint(self, shared: Shared) -> str | None:
        """Return why episodes would come out different here, or None."""
        load = _fetched(shared)
        node, found, expected = platform.node(), versions(), dict(load.versions)
        if (node, str(ROOT)) == (load.node, load.root):
            del expected["code"]  # the very same files
        other = [name for name, value in expected.items() if found.get(name) != value]
        if other:
            there, here = (", ".join(f"{name} {each.get(name)}" for name in other) for each in (found, expected))
            return f"Node {node} has {there}, expected {here} as here; install the same on every node."
        _enter(load.folder)
        for path, digest in load.sha256.items():
            file = Path(path)
            if not file.is_file() or sha256(file.read_bytes()).hexdigest() != digest:
                return f"Node {node} has no file {path}, or another one; put it at the same path on every node."
        return None

    def close(self) -> None:
        """Close the plants, and leave nothing on the disk."""
        if self._runner is not None:
            self._runner.close()
        self._place.cleanup()

    def run(self, shared: Shared, key: Key) -> Answer:
        """Run an episode; an error that is one of ours comes back as it is."""
        try:
            if self._runner is None:
                load = _fetched(shared)
                _enter(load.folder)
                self._runner = EpisodeRunner(_laid_down(load, Path(self._place.name)))
            return None, self._runner(key)
        except (VgfError, OSError) as error:
            return error, None


def _fetched(shared: Shared) -> Load:
    import ray

    return ray.get(shared[0])


def _enter(folder: str) -> None:
    """Go to the folder of whoever asked, where it is here: paths in a suite start there."""
    if Path(folder).is_dir():
        os.chdir(folder)


def _laid_down(load: Load, folder: Path) -> SuiteWork:
    """Write the bundles, and return the suite that finds them there."""
    jobs = dict(load.work.jobs)
    for number, (task, files) in enumerate(load.bundles.items()):
        place = folder / str(number)
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
        jobs[task] = replace(jobs[task], bundle=place)
    return replace(load.work, jobs=jobs)


def _files_in(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
