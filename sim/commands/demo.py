"""`vgf-robot demo`: the guided tour, ending with a table and a page."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from tyro.conf import FlagCreatePairsOff

from sim.demo.chapters import whole_page
from sim.demo.driving import Through
from sim.demo.narrator import Narrator
from sim.demo.request import FULL, QUICK, Request
from sim.demo.results import arm_table, comparison_table, for_terminal, rows_of, settings_of
from sim.demo.tour import NUM_STAGES, Tour, run_tour
from sim.demo.verdict import judge
from sim.plants import open_plant
from vgf_robot.bench import synthetic_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot demo --out out/demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    arm: str = "cube-single-play"
    """Bundle of the arm: a folder, or the name of a shipped one."""
    hopper: str = "hopper-replay"
    """Bundle that is run on the loaded machine: a folder, or the name of a shipped one."""
    out: Path = Path("out/demo")
    """Folder of index.html, results.json and the video."""
    seed: int = 1000
    """The episodes follow from it."""
    through: Through = "in-process"
    """Where the controller runs under load: behind `serve`, or in the robot's own process, which waits less."""
    synthetic: FlagCreatePairsOff[bool] = False
    """Run the synthetic policy too even where the machine is slow enough for the other one to miss."""
    quick: FlagCreatePairsOff[bool] = False
    """As little of everything as possible: does it run? The numbers mean nothing."""
    json: Path | None = None
    """Write the results to this file too."""


def main(argv: Sequence[str]) -> int:
    """Run the tour, print its tables, write page and results, and return the exit code."""
    options = parse(Options, argv, "demo", EXAMPLE)
    request, narrator = _request(options), Narrator(Console(), NUM_STAGES)
    with ended_by_sigterm():
        tour = run_tour(request, narrator)
    _print(tour)
    _write(tour, request, narrator, options)
    print(f"Page: {options.out / 'index.html'}")
    return 0


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does: servers and load are stopped on the way out."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _request(options: Options) -> Request:
    if options.seed < 0:
        raise ConfigError(f"--seed is {options.seed}, expected 0 or more.")
    arm, hopper = Bundle.load(options.arm), Bundle.load(options.hopper)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "index.html").write_text("The demo has not finished.\n")
    except OSError as error:
        raise MachineError(
            f"--out: {options.out} cannot be written ({error.strerror}); give a folder that is yours to write to."
        ) from error
    return Request(
        arm=arm,
        hopper=hopper,
        out=options.out,
        seed=options.seed,
        extent=QUICK if options.quick else FULL,
        through=options.through,
        open_plant=open_plant,
        make_synthetic=synthetic_bundle,
        always_synthetic=options.synthetic,
    )


def _print(tour: Tour) -> None:
    manifest = tour.arm.bundle.manifest
    print_table(f"{manifest.name}: success per budget", *for_terminal(arm_table([*tour.arm.rows, tour.live.row])))
    for comparison in filter(None, (tour.load, tour.synthetic)):
        title = f"{comparison.bundle.manifest.name}: deadline {comparison.deadline_ms:.3g} ms"
        print_table(title, *for_terminal(comparison_table(comparison)))
        for finding in judge(comparison):
            word = {True: "met", False: "NOT MET", None: "not judged"}[finding.met]
            print(f"  {word}: {finding.text}")


def _write(tour: Tour, request: Request, narrator: Narrator, options: Options) -> None:
    (options.out / "index.html").write_text(whole_page(tour, datetime.now().astimezone()), encoding="utf-8")
    for path in filter(None, (options.out / "results.json", options.json)):
        write_json(path, "demo", settings_of(tour, request, narrator.seconds), rows_of(tour))
