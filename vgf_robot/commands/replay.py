"""`vgf-robot replay`: a recording against a bundle, with the differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from vgf_robot import results, verbs
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, DatasetError, LimitError
from vgf_robot.recording import Recording, Rerun
from vgf_robot.recording.comparison import QUANTITIES, Comparison
from vgf_robot.telemetry import TickRecord

EXAMPLE = "vgf-robot replay recordings --bundle cube-single-play --limit 0"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    recording: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RECORDING")]
    """Files of `vgf-robot record`, or its folder."""
    bundle: str
    """Folder of a bundle, or the name of a shipped one: the recorded one, or another one for the same robot."""
    client: str | None = None
    """Only the ticks of the client of this name."""
    backend: str | None = None
    """What runs the graphs; the recorded backend where not given."""
    precision: str | None = None
    """Of the graphs; the recorded precision where not given and the bundle is the recorded one, else its first."""
    threads: int | None = None
    """Threads of the backend; as recorded where not given."""
    limit: float | None = None
    """Fail (exit code 1) where an entry of an action differs by more, in the robot's units; 0 asks for equality."""
    worst: int = 5
    """How many of the ticks that differ most are listed."""
    json: Path | None = None
    """Write the differences there."""


def main(argv: Sequence[str]) -> int:
    """Run every recorded tick again and compare; returns 1 where `--limit` is exceeded."""
    options = verbs.parse(Options, argv, "replay", EXAMPLE)
    _require_sense(options)
    bundle = Bundle.load(options.bundle)
    recording = Recording(options.recording)
    ticks = _wanted(recording, options.client)
    first = next(ticks, None)
    if first is None:
        none = f"Expected ticks{_of(options.client)} in the recording, found none; give another one."
        raise DatasetError(" ".join([none, *recording.warnings]))
    backend, threads = options.backend or first.backend, options.threads or first.threads
    precision = options.precision or (first.precision if first.bundle_sha256 == bundle.sha256 else None)
    rerun = Rerun(bundle, backend=backend, precision=precision, threads=threads)
    comparison = Comparison(rerun, options.worst)
    comparison.run([first])
    comparison.run(ticks)
    row = {"bundle": bundle.manifest.name, "backend": backend, "precision": precision, **comparison.row()}
    same_bundle = comparison.bundles == {bundle.sha256}
    _report(row, recording, comparison, same_bundle=same_bundle)
    if options.json is not None:
        shown = {"recording": list(map(str, options.recording)), "bundle": options.bundle, "client": options.client}
        shown |= {"threads": threads, "limit": options.limit, "same_bundle": same_bundle}
        results.write_json(options.json, "replay", {**shown, "cut": list(map(str, recording.cut))}, [row])
    return _judge(comparison, options.limit)


def _require_sense(options: Options) -> None:
    if not options.recording:
        raise ConfigError(f"No recording is given; name files of `vgf-robot record`, or their folder: {EXAMPLE}")
    if options.limit is not None and not (math.isfinite(options.limit) and options.limit >= 0):
        raise ConfigError(f"--limit: expected 0 or more, found {options.limit:g}; give another one.")
    if options.worst < 0:
        raise ConfigError(f"--worst: expected 0 or more, found {options.worst}; give another one.")
    if options.threads is not None and options.threads < 1:
        raise ConfigError(f"--threads: expected 1 or more, found {options.threads}; give another one.")


def _wanted(recording: Recording, client: str | None) -> Iterator[TickRecord]:
    return (tick for tick in recording.ticks() if client in (None, tick.client))


def _of(client: str | None) -> str:
    return "" if client is None else f" of the client '{client}'"


def _report(row: dict[str, Any], recording: Recording, comparison: Comparison, *, same_bundle: bool) -> None:
    which = "the recorded bundle" if same_bundle else "another bundle than the recorded one"
    print(f"{row['bundle']}, {which}, on {row['backend']}: {row['replayed']} of {row['ticks']} ticks run again")
    print(f"the same bits in {row['exact']}")
    for reason, count in comparison.unrepeatable.items():
        print(f"not run again: {count}: {reason}")
    for warning in recording.warnings:
        print(warning)
    quantiles = ("p50", "p95", "p99", "p999", "max")
    named = {f"{name} difference": row[f"{name}_difference"] for name in QUANTITIES}
    named |= {"stages recorded, ms": row["recorded_tick_ms"], "stages now, ms": row["tick_ms"]}
    rows: list[dict[str, Any]] = [{"quantity": name, **(summary or {})} for name, summary in named.items()]
    results.print_table("Differences", rows, ("quantity", *quantiles))
    if row["worst"]:
        columns = ("position", "client", "episode", "tick", "rung", "steps", "difference")
        results.print_table("Ticks that differ most", row["worst"], columns)


def _judge(comparison: Comparison, limit: float | None) -> int:
    if limit is None:
        return 0
    if not comparison.replayed:
        print("limit: expected ticks to compare, found none that can be run again")
        return LimitError.exit_code
    if comparison.largest_difference > limit:
        print(f"limit: expected actions within {limit:g}, found a difference of {comparison.largest_difference:g}")
        return LimitError.exit_code
    return 0
