"""`vgf-robot report`: suites and tunings -> one HTML file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import tyro

from sim.commands.page_path import require_page
from vgf_robot.errors import ConfigError
from vgf_robot.results import write_json
from vgf_robot.verbs import parse

_EXAMPLE = "vgf-robot report out/hopper-severity out/hopper-deadlines --tune out/tune.json --out out/report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `report`."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """Folders that `eval SUITE.yaml --out FOLDER` wrote; a suite that has not come to its end will do."""
    out: Path
    """The page; an older one is replaced."""
    tune: tuple[Path, ...] = ()
    """Files that `tune --json` wrote."""
    films: bool = True
    """Draw the best and the worst episodes, a minute or two for each task; needs EGL."""
    json: Path | None = None
    """Write every number of the page's tables to this file."""


def main(argv: Sequence[str]) -> int:
    """Write the page and return the exit code."""
    options = parse(Options, argv, "report", _EXAMPLE)
    if not options.folders and not options.tune:
        raise ConfigError(f"No folder is given; name what `eval SUITE.yaml` wrote: {_EXAMPLE}")
    require_page(options.out, "--out")
    user_gl = os.environ.get("MUJOCO_GL")  # opening a plant that never draws changes it
    from sim.report import Wishes, rows_of, write_report  # Arrow and plotly take a second to load

    wishes = Wishes(out=options.out, when=datetime.now().astimezone(), films=options.films, user_gl=user_gl)
    count = write_report(options.folders, options.tune, wishes)
    if options.json is not None:
        settings = {"folders": list(map(str, options.folders)), "tune": list(map(str, options.tune))}
        write_json(options.json, "report", {**settings, "out": str(options.out)}, rows_of(options.folders))
    print(f"{options.out}: {count} episodes.")
    return 0
