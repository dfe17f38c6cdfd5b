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

from vgf_robot.backends import installed_backends
from vgf_robot.bench import CONTROL_PERIOD_S, BenchSettings, Roofline, latency_rows, measure, synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot bench --synthetic --json out/bench/synthetic.json"
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
    threads: int = 1
    """Threads that one graph may use."""
    backend: str = "onnxruntime-cpu"
    """What runs the graphs."""
    backends: str | None = None
    """In place of --backend: several beside each other, separated by commas, or `all` that are installed; each in
    every precision that the bundle has and the backend computes, or in that of --precision."""
    precision: str | None = None
    """Which of the bundle's precisions; the first one listed where not given."""
    seed: int = 0
    """Of observations and noise, and of the synthetic weights."""
    json: Path | None = None
    """Also write the rows to this file."""


def main(argv: Sequence[str]) -> int:
    """Measure, print the table, and return the exit code."""
    options = parse(Options, argv, "bench", EXAMPLE)
    settings = BenchSettings(ticks=options.ticks, seed=options.seed)
    _require_one_subject(options)
    with _bundle(options) as bundle:
        rows, roofline = _measured(bundle, options, settings)
    for subject in dict.fromkeys((row["backend"], row["precision"]) for row in rows):
        own = [row for row in rows if (row["backend"], row["precision"]) == subject]
        print_table(_title(bundle.manifest.name, options.threads, own[0]), own, COLUMNS)
        print(_against_period(own[-1], bundle.manifest.control_period_s))
        if roofline is not None:
            print(_against_roof(own[-1], roofline))
    if options.json is not None:
        write_json(options.json, "bench", _settings(options, settings, bundle, roofline), rows)
    return 0


def _measured(
    bundle: Bundle, options: Options, settings: BenchSettings
) -> tuple[list[dict[str, Any]], Roofline | None]:
    """Return the rows of every backend and precision, one after the other, and the roof where it can be counted."""
    subjects = _subjects(bundle, options)
    controllers: dict[tuple[str, str], Controller] = {}
    for backend, precision in subjects:
        try:
            controllers[backend, precision] = Controller.open(
                bundle, backend=backend, threads=options.threads, precision=precision
            )
        except MachineError as error:
            if len(subjects) == 1:
                raise
            print(f"left out: {backend}, {precision}: {error}", file=sys.stderr)
    if not controllers:
        raise MachineError("No backend on this machine computes this bundle; the reasons stand above.")
    roofline = _roofline(bundle, options)
    rows: list[dict[str, Any]] = []
    for (backend, precision), controller in controllers.items():
        with _progress(settings.warm_up_ticks + settings.ticks) as after_round:
            timings = measure(controller, settings, after_round)
        point = bundle.manifest.operating_point
        variant = bundle.variant(point.num_particles, point.reference_steps, precision)
        facts = {
            "backend": backend,
            "precision": variant.precision,
            "num_particles": variant.num_particles,
            "reference_steps": variant.reference_steps,
            "ticks": options.ticks,
        }
        own = latency_rows(timings, facts)
        rows += own if roofline is None else roofline.facts(variant, own)
    return rows, roofline


def _subjects(bundle: Bundle, options: Options) -> list[tuple[str, str]]:
    """Return the backends and precisions to measure; one of each unless several were asked for."""
    point = bundle.manifest.operating_point
    first = bundle.variant(point.num_particles, point.reference_steps, options.precision).precision
    if options.backends is None:
        return [(options.backend, first)]
    names = installed_backends() if options.backends == "all" else options.backends.split(",")
    shape = (point.num_particles, point.reference_steps)
    there = [v.precision for v in bundle.manifest.variants if (v.num_particles, v.reference_steps) == shape]
    return [(name, each) for name in names for each in ([first] if options.precision else there)]


def _roofline(bundle: Bundle, options: Options) -> Roofline | None:
    """Return the roof, or None, with the reason on standard error, where it cannot be counted on this machine."""
    point = bundle.manifest.operating_point
    try:
        return Roofline(bundle, bundle.variant(point.num_particles, point.reference_steps), options.threads)
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


def _title(name: str, threads: int, facts: dict[str, Any]) -> str:
    """Say what all rows have in common; the columns would not fit a terminal beside the latencies."""
    return (
        f"{name}, p50 / p99 in ms\n{facts['num_particles']} particles, {facts['reference_steps']} reference steps; "
        f"{facts['backend']}, {facts['precision']}, {threads} thread{'' if threads == 1 else 's'}"
    )


def _against_period(row: dict[str, Any], period_s: float) -> str:
    """Say how much of the control period the largest budget takes."""
    p99_ms, period_ms = row["tick_ms"]["p99"], period_s * 1000
    return (
        f"A tick of {row['max_steps']} steps takes {p99_ms:.2f} ms at p99, {p99_ms / period_ms:.0%} of the control "
        f"period of {period_ms:g} ms."
    )


def _against_roof(row: dict[str, Any], roofline: Roofline) -> str:
    """Say what a tick is made of, and how long beside what its products alone would take."""
    work = f"It is {row['tick_mflop']:.1f} MFLOP and {row['tick_mb']:.1f} MB of matrix products"
    if roofline.product is None or roofline.rate is None or row["times_roof"] is None:
        return f"{work}."
    product, rate = roofline.product, roofline.rate / 1e9
    return (
        f"{work}, and at p50 {row['times_roof']:.2f} times what these alone would take: {product.rows} x "
        f"{product.inner} x {product.columns} in float32 runs at {rate:.0f} GFLOP/s here."
    )


def _settings(options: Options, settings: BenchSettings, bundle: Bundle, roofline: Roofline | None) -> dict[str, Any]:
    rate = None if roofline is None or roofline.rate is None else roofline.rate / 1e9
    return {
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "synthetic": options.synthetic,
        "control_period_s": bundle.manifest.control_period_s,
        "ticks": settings.ticks,
        "warm_up_ticks": settings.warm_up_ticks,
        "seed": settings.seed,
        "threads": options.threads,
        "backend": options.backend if options.backends is None else options.backends,
        "gemm_gflop_per_s": rate,
    }
