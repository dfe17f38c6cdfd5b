"""`vgf-robot doctor`: what is not in order on this machine for real-time control, and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vgf_robot.bundle import Bundle, shipped_names
from vgf_robot.doctor import (
    Finding,
    Level,
    Tree,
    examine_software,
    examine_system,
    find_renderer,
    find_software,
    open_provider,
)
from vgf_robot.errors import BundleError
from vgf_robot.results import write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot doctor cube-single-play --json out/doctor.json"
COLOURS = {Level.OK: "green", Level.ADVICE: "yellow", Level.FAULT: "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `doctor`."""

    bundle: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[BUNDLE]")] = None
    """Folder of a bundle, or the name of a shipped one: whose graph is loaded; a shipped one where not given."""
    json: Path | None = None
    """Also write the findings to this file."""


def main(argv: Sequence[str]) -> int:
    """Examine, print what was found, and return 1 where something is at fault, else 0."""
    options = parse(Options, argv, "doctor", EXAMPLE)
    bundle = _bundle(options.bundle)
    provider = open_provider(bundle)  # first, so that this process is about as large as a server when it is examined
    findings = [
        *examine_system(Tree(Path("/"))),
        *examine_software(find_software(), provider, find_renderer()),
    ]
    _print(findings)
    if options.json is not None:
        settings = {"bundle": bundle.manifest.name, "bundle_sha256": bundle.sha256}
        write_json(options.json, "doctor", settings, _rows(findings))
    return int(any(finding.level is Level.FAULT for finding in findings))


def summary(findings: Sequence[Finding]) -> str:
    """Say in one sentence how things are."""
    count = Counter(finding.level for finding in findings)
    if count[Level.FAULT]:
        return f"At fault: {count[Level.FAULT]} of {len(findings)} checks; advice: {count[Level.ADVICE]}."
    return f"Nothing is at fault; there is advice on {count[Level.ADVICE]} of {len(findings)} checks."


def _bundle(path_or_name: str | None) -> Bundle:
    if path_or_name is not None:
        return Bundle.load(path_or_name)
    if not (names := shipped_names()):
        raise BundleError("No bundle is shipped with this installation; give one: vgf-robot doctor BUNDLE.")
    return Bundle.load(names[0])


def _print(findings: Sequence[Finding]) -> None:
    """Print the table, and what to do below it: commands that a table wraps cannot be copied."""
    table = Table("check", "", "found", title="This machine, for real-time control", title_justify="left")
    for finding in findings:
        level = f"[{COLOURS[finding.level]}]{finding.level.value}[/]"
        table.add_row(escape(finding.check), level, escape(finding.found))
    Console().print(table)
    for finding in findings:
        if finding.cure is not None:
            print(f"{finding.check}: {finding.cure}.")
    print(summary(findings))


def _rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{**asdict(finding), "level": finding.level.value} for finding in findings]
