"""A suite's folder as its files show it, finished or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.suite.cells import keys_of
from sim.suite.command import SUMMARY
from sim.suite.episode_row import Row
from sim.suite.run import IDENTITY, RESOLVED, recorded_rows
from sim.suite.suite import Suite, load_suite
from vgf_robot.errors import ConfigError, DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """What a suite was asked for, and the episodes that there are.

    Attributes:
        folder: Where they lie.
        suite: As it was resolved.
        rows: In the suite's order.
        num_missing: Episodes that have not been run.
        sha256: Of bundles and files that decided the episodes, by what they are.
        made_on: The machine, as `eval` wrote it; empty where it did not come to an end.
        versions: Of the packages that made the episodes, likewise.
    """

    folder: Path
    suite: Suite
    rows: Sequence[Row]
    num_missing: int
    sha256: Mapping[str, str]
    made_on: Mapping[str, Any]
    versions: Mapping[str, str]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @classmethod
    def open(cls, folder: Path) -> SuiteResult:
        """Read a folder.

        Raises:
            ConfigError: It is no suite's.
            DatasetError: A file is damaged, or no episode has ended.
        """
        if not (folder / RESOLVED).is_file():
            raise ConfigError(
                f"{folder} is no suite's folder: it lacks {RESOLVED}; make one with `vgf-robot eval SUITE.yaml "
                f"--out {folder}`."
            )
        suite = load_suite(folder / RESOLVED)
        found, keys = recorded_rows(folder), keys_of(suite)
        rows = [found[key] for key in keys if key in found]
        if not rows:
            raise DatasetError(f"{folder}: no episode of the suite has ended yet; run `vgf-robot eval` to its end.")
        summary = _read(folder / SUMMARY)
        return cls(
            folder=folder,
            suite=suite,
            rows=rows,
            num_missing=len(keys) - len(rows),
            sha256=_read(folder / IDENTITY).get("sha256", {}),
            made_on=summary.get("device", {}),
            versions=summary.get("settings", {}).get("versions", {}),
        )


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path} is damaged ({error}); run the suite again, which takes its episodes over.") from (
            error
        )
