"""`vgf-robot bench`: stage and tick latency of a bundle on this device."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from vgf_robot.backends import backend_names, installed_backends, why_not
from vgf_robot.bench import (
    CONTROL_PERIOD_S,
    BenchSettings,
    Opened,
    Roofline,
    Subject,
    advice,
    subjects_of,
    synthetic_bundle,
)
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, ConfigError, MachineError
from vgf_robot.receipts import resolve_backend
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot bench cube-single-play --threads 1,2 --json out/bench.json --plot out/bench.png"
DISTURBED = 4.0  # p99 over p50; on an idle machine 1.1 to 2
ALL = "all"
COLUMNS = ("max_steps", "tick_ms", "reference_ms", "step_ms", "select_ms")
REFRESH_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `bench`."""

    bundle: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[BUNDLE]")] = None
    """Folder of a bundle, or the name of a shipped one."""
    synthetic: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """In place of a bundle: networks of the paper's size (4 x 512, two critics, ten particles, ten reference steps)
    filled with random weights. For timing only, no policy."""
    keep: Path | None = None
    """With --synthetic: write the bundle into this folder and leave it there."""
    control_period_s: float | None = None
    """With --synthetic: the control period that the bundle claims, in seconds; default 0.05."""
    ticks: int = 1000
    """Ticks per number of steps, after the warm-up."""
    threads: str = "1"
    """Threads that one graph may use; several numbers, separated by commas, are measured beside each other."""
    particles: str | None = None
    """N; several of the bundle's, separated by commas, beside each other. The sealed one where not given."""
    backend: str = ALL
    """What runs the graphs: names separated by commas, each with a precision where it ends in one
    (openvino-cpu:bfloat16), `all` that are here, or `auto`, the one that `serve --backend auto` would take. A name
    without a precision is measured in every one of the bundle's that it computes."""
    precision: str | None = None
    """Only this one of the bundle's precisions."""
    seed: int = 0
    """Of observations and noise, and of the synthetic weights."""
    json: Path | None = None
    """Also write the rows to this file."""
    plot: Path | None = None
    """Also draw the stages beside each other into this .png, .svg or .pdf."""


def main(argv: Sequence[str]) -> int:
    """Measure, print the tables and what to take, and return the exit code."""
    options = parse(Options, argv, "bench", EXAMPLE)
    settings = BenchSettings(ticks=options.ticks, seed=options.seed)
    _require_one_subject(options)
    if options.plot is not None:
        from vgf_robot.bench.plot import require_drawable

        require_drawable(options.plot)
    with _bundle(options) as bundle:
        roofline = _roofline(bundle)
        rows = _measured(bundle, options, settings, roofline)
    if options.json is not None:
        write_json(options.json, "bench", _settings(options, settings, bundle, roofline), rows)
    _print(bundle, rows, roofline)
    if options.plot is not None:
        from vgf_robot.bench.plot import draw

        draw(options.plot, f"{bundle.manifest.name}, a tick's stages at p50", rows)
    return 0


def _print(bundle: Bundle, rows: list[dict[str, Any]], roofline: Roofline | None) -> None:
    """Print a table per subject, and at the end what to take."""
    keys = ("backend", "precision", "threads", "num_particles")
    for subject in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        own = [row for row in rows if tuple(row[key] for key in keys) == subject]
        print_table(_title(bundle.manifest.name, own[0]), own, COLUMNS)
        print(_against_period(own[-1], bundle.manifest.control_period_s))
        if roofline is not None:
            print(_against_roof(own[-1]))
    if roofline is not None:
        point = bundle.manifest.operating_point
        variant = bundle.variant(point.num_particles, point.reference_steps)
        print(roofline.sentence(variant, rows[0]["backend"], rows[-1]["threads"]))
    print(advice(bundle, rows))


def _measured(
    bundle: Bundle, options: Options, settings: BenchSettings, roofline: Roofline | None
) -> list[dict[str, Any]]:
    """Return the rows of every subject, one after the other; what does not run is left out of several."""
    subjects = _subjects(bundle, options)
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        try:
            opened = Opened.open(bundle, subject)
        except (MachineError, BundleError) as error:  # also a library that does not load this graph
            if len(subjects) == 1:
                raise
            print(f"left out: {subject.name.replace(':', ', ')}: {error}", file=sys.stderr)
            continue
        progress = _progress(settings.warm_up_ticks + settings.ticks)
        rows += opened.rows(settings, roofline, progress)
    if not rows:
        raise MachineError("No backend on this machine computes this bundle; the reasons stand above.")
    return rows


def _subjects(bundle: Bundle, options: Options) -> list[Subject]:
    """Return what to measure, as the options say it."""
    threads = _counts("--threads", options.threads)
    if options.backend == ALL:
        names = installed_backends()
        for name in backend_names():
            if reason := why_not(name):
                print(f"left out: {name}: {reason}", file=sys.stderr)
    else:
        names = [resolve_backend(name, bundle, threads[0]) for name in options.backend.split(",")]
    particles = () if options.particles is None else _counts("--particles", options.particles)
    return subjects_of(bundle, names, options.precision, particles, threads)


def _counts(option: str, text: str) -> tuple[int, ...]:
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or min(values) < 1:
        raise ConfigError(f"{option}: expected numbers of 1 or more, such as 1,2, found '{text}'.")
    return values


def _roofline(bundle: Bundle) -> Roofline | None:
    """Return the roof, or None, with the reason on standard error, where it cannot be counted on this machine."""
    try:
        return Roofline(bundle)
    except MachineError as error:
        print(f"without the roof of the matrix products: {error}", file=sys.stderr)
        return None


def _require_one_subject(options: Options) -> None:
    if options.synthetic == (options.bundle is not None):
        found = "both" if options.synthetic else "neither"
        raise ConfigError(f"Expected either a bundle or --synthetic, found {found}; give one of them.")
    for name, value in (("--keep", options.keep), ("--control-period-s", options.control_period_s)):
        if value is not None and not options.synthetic:
            raise ConfigError(f"{name} goes with --synthetic alone: a bundle has its place and its control period.")


@contextmanager
def _bundle(options: Options) -> Generator[Bundle, None, None]:
    """Yield the bundle to measure; a synthetic one that is not kept is gone afterwards."""
    if options.bundle is not None:
        yield Bundle.load(options.bundle)
        return
    period_s = CONTROL_PERIOD_S if options.control_period_s is None else options.control_period_s
    if options.keep is not None:
        yield synthetic_bundle(options.keep, options.seed, period_s)
        return
    with tempfile.TemporaryDirectory(prefix="vgf-robot-bench-") as folder:
        yield synthetic_bundle(Path(folder), options.seed, period_s)


@contextmanager
def _progress(num_rounds: int) -> Generator[Callable[[int], None], None, None]:
    """Yield what shows the number of rounds done.

    Drawn by hand between rounds: a bar that refreshes itself does so from a thread, in the middle of what is timed.
    """
    next_s = time.monotonic() + REFRESH_EVERY_S
    with Progress(console=Console(stderr=True), auto_refresh=False, transient=True) as bar:
        task = bar.add_task("measuring", total=num_rounds)

        def show(done: int) -> None:
            nonlocal next_s
            if time.monotonic() >= next_s or done == num_rounds:
                bar.update(task, completed=done, refresh=True)
                next_s = time.monotonic() + REFRESH_EVERY_S

        yield show


def _title(name: str, facts: dict[str, Any]) -> str:
    """Say what all rows have in common; the columns would not fit a terminal beside the latencies."""
    threads = f"{facts['threads']} thread{'' if facts['threads'] == 1 else 's'}"
    return (
        f"{name}, p50 / p99 in ms\n{facts['num_particles']} particles, {facts['reference_steps']} reference steps; "
        f"{facts['backend']}, {facts['precision']}, {threads}"
    )


def _against_period(row: dict[str, Any], period_s: float) -> str:
    """Say how much of the control period the largest budget takes."""
    p99_ms, period_ms = row["tick_ms"]["p99"], period_s * 1000
    spread = p99_ms / row["tick_ms"]["p50"]
    disturbed = f" That is {spread:.0f} times its p50: other work is on this machine." if spread > DISTURBED else ""
    return (
        f"A tick of {row['max_steps']} steps takes {p99_ms:.2f} ms at p99, {p99_ms / period_ms:.0%} of the control "
        f"period of {period_ms:g} ms.{disturbed}"
    )


def _against_roof(row: dict[str, Any]) -> str:
    """Say what a tick is made of, and how long beside what its products alone would take."""
    work = f"It is {row['tick_mflop']:.1f} MFLOP and {row['tick_mb']:.1f} MB of matrix products"
    if not row.get("times_roof"):
        return f"{work}."
    return (
        f"{work}, and at p50 {row['times_roof']:.2f} times what these alone would take: its heaviest product runs at "
        f"{row['gemm_gflop_per_s']:.0f} GFLOP/s by itself, {1 / row['times_roof']:.0%} of which is reached."
    )


def _settings(options: Options, settings: BenchSettings, bundle: Bundle, roofline: Roofline | None) -> dict[str, Any]:
    return {
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "synthetic": options.synthetic,
        "control_period_s": bundle.manifest.control_period_s,
        "ticks": settings.ticks,
        "warm_up_ticks": settings.warm_up_ticks,
        "seed": settings.seed,
        "threads": options.threads,
        "backend": options.backend,
        "memory_gb_per_s": None if roofline is None else roofline.bytes_per_s / 1e9,
    }
