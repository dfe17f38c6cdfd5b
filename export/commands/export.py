"""`vgf-robot export`: a run folder to a bundle, and an evaluated bundle to a sealed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import torch
import tyro

from export.bundle_writer import BundleWriter
from export.closed_loop import add_closed_loop
from export.precision.addition import Addition, read_observations
from export.precision.settings import low_ones
from export.request import ExportRequest, export_settings, precisions
from export.sealing import add_scores, seal
from policies.critic import Aggregation
from policies.run_folder import RunFolder
from policies.transport import Form
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError
from vgf_robot.results import write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot export runs/cube-single-play --out bundles/cube-single-play --particles 1,4,10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `export`."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|BUNDLE")]
    """Run folder; with --cap-from, --scores-from or --closed-loop-from the bundle that was evaluated, with
    --observations one that gets more precisions."""
    out: Path
    """Where the bundle goes; must not exist."""
    particles: str | None = None
    """Each N to write a variant of, separated by commas; the method's own where not given (vgf: 1,10)."""
    reference_steps: str | None = None
    """Ways to draw reference particles, separated by commas: K Euler steps of the flow, such as 5; midpoint-4, four
    evaluations of it in two better steps; one-step, after `distil`. The one with most evaluations becomes the operating
    point's; the run's own K where not given."""
    max_steps: int | None = None
    """Transport steps up to which parity is checked, the cap until an evaluation seals it; default 10; ifql, fql 0."""
    form: Form | None = None
    """The flow's form at run time; the run's own where not given."""
    aggregation: Aggregation | None = None
    """How the ensemble becomes the value that is climbed; the run's own where not given."""
    precisions: str | None = None
    """Number formats of the large matrix products, separated by commas: float32, which is always there, bfloat16,
    float16. Each low one has its receipt against float32."""
    accept_precision: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep a low precision that is beyond its limits; the bundle names it."""
    step_values: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let the steps of a-vgf ask the critics too, as those of other methods do: slower, but `min_gain` can be used."""
    observations: Path | None = None
    """Add the low ones of --precisions to SOURCE, a bundle, without its run: from its float32 graphs, with receipts on
    observations of this npz file, its dataset."""
    closed_loop_from: Annotated[str | None, tyro.conf.arg(metavar="FULL.json,LOW.json")] = None
    """Add to SOURCE its success or return in a low precision, or with fewer evaluations of the reference (`eval
    --reference-steps`), against its own setting in float32, from `eval --json` files of the same episodes."""
    checkpoint: Path | None = None
    """A checkpoint of the run; the newest where not given."""
    cap_from: Path | None = None
    """Seal SOURCE, an evaluated bundle, with the best setting of this `eval --json` file."""
    scores_from: Path | None = None
    """Add to SOURCE, a sealed bundle, its scores from this `eval --json` file on other seeds."""
    json: Path | None = None
    """Write what was exported to this file."""


def main(argv: Sequence[str]) -> int:
    """Export and return the exit code."""
    options = parse(Options, argv, "export", EXAMPLE)
    if sum(map(bool, (options.cap_from, options.scores_from, options.observations, options.closed_loop_from))) > 1:
        raise ConfigError(
            "--cap-from, --scores-from, --observations and --closed-loop-from are steps of their own, each from one "
            "bundle to the next; give one."
        )
    _refuse_unused(options)
    bundle = _export(options)
    point = bundle.manifest.operating_point
    print(
        f"{options.out}: {bundle.manifest.name}, N = {point.num_particles}, K = {point.reference_steps}, "
        f"{point.max_steps} steps of {point.step_size}, {point.selection}, "
        f"{'sealed' if point.sealed else 'not sealed: evaluate it, then export --cap-from'}."
    )
    if options.json:
        row = {"bundle": str(options.out), "bundle_sha256": bundle.sha256, "receipt": bundle.receipt()}
        write_json(options.json, "export", {"source": str(options.source)}, [row])
    return 0


def _refuse_unused(options: Options) -> None:
    """Refuse options that a step from one bundle to the next would ignore."""
    if options.observations or options.closed_loop_from:
        heeded = ("precisions", "accept_precision") if options.observations else ("accept_precision",)
    elif options.cap_from or options.scores_from:
        heeded = ()
    else:
        return
    default = {item.name: item.default for item in fields(Options)}
    names = (
        "particles",
        "reference_steps",
        "max_steps",
        "form",
        "aggregation",
        "precisions",
        "accept_precision",
        "step_values",
        "checkpoint",
    )
    given = [name for name in names if name not in heeded and getattr(options, name) != default[name]]
    unused = [f"--{name.replace('_', '-')}" for name in given]
    if unused:
        raise ConfigError(
            f"This step changes no graph that is there and cannot heed {', '.join(unused)}; export the run again."
        )


def _export(options: Options) -> Bundle:
    if options.cap_from:
        return seal(_evaluated(options.source, "--cap-from"), options.cap_from, options.out)
    if options.scores_from:
        return add_scores(_evaluated(options.source, "--scores-from"), options.scores_from, options.out)
    if options.observations:
        return _with_precisions(options, options.observations)
    if options.closed_loop_from:
        source = _evaluated(options.source, "--closed-loop-from")
        full, low = _two_files(options.closed_loop_from)
        return add_closed_loop(source, full, low, options.out, accept=options.accept_precision)
    torch.set_num_threads(1)
    run = RunFolder.open(options.source)
    request = ExportRequest(
        particles=options.particles,
        reference_steps=options.reference_steps,
        max_steps=options.max_steps,
        form=options.form,
        aggregation=options.aggregation,
        precisions=options.precisions,
        accept_precision=options.accept_precision,
        step_values=options.step_values,
    )
    writer = BundleWriter(run, options.checkpoint, export_settings(request, run.config()), report=print)
    return writer.write(options.out)


def _evaluated(source: Path, option: str) -> Bundle:
    if (source / "config.yaml").exists():
        raise ConfigError(f"{option} takes the bundle that was evaluated; {source} is a run folder. Give the bundle.")
    return Bundle.load(source)


def _with_precisions(options: Options, dataset: Path) -> Bundle:
    wanted = low_ones(precisions(options.precisions))
    if not wanted:
        raise ConfigError("--observations goes with --precisions, such as float32,bfloat16: which ones to add.")
    source = _evaluated(options.source, "--observations")
    observations = read_observations(dataset, source.manifest.observation_size)
    addition = Addition(precisions=wanted, observations=observations, accept=options.accept_precision, report=print)
    return addition.write(source, options.out)


def _two_files(text: str) -> tuple[Path, Path]:
    paths = [Path(part) for part in text.split(",") if part]
    if len(paths) != 2:
        raise ConfigError(f"--closed-loop-from: expected two files, FULL.json,LOW.json, found '{text}'.")
    return paths[0], paths[1]
