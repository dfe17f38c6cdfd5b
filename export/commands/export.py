"""`vgf-robot export`: a run folder to a bundle, and an evaluated bundle to a sealed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import torch
import tyro

from export.bundle_writer import BundleWriter, ExportSettings
from export.sealing import add_scores, seal
from policies.config import TrainConfig
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

    source: Annotated[Path, tyro.conf.Positional]
    """Run folder; with --cap-from or --scores-from the bundle that was evaluated."""
    out: Path
    """Where the bundle goes; must not exist."""
    particles: str = "1,10"
    """Each N to write a variant of, separated by commas."""
    reference_steps: int | None = None
    """K, Euler steps of the reference flow, the same in every variant; the run's own where not given."""
    max_steps: int = 10
    """Transport steps up to which parity is checked: the cap until an evaluation seals one."""
    form: Form | None = None
    """The flow's form at run time; the run's own where not given."""
    aggregation: Aggregation | None = None
    """How the ensemble becomes the value that is climbed; the run's own where not given."""
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
    if options.cap_from and options.scores_from:
        raise ConfigError("--cap-from and --scores-from are two steps: seal, evaluate on other seeds, add the scores.")
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
    """Refuse options that sealing would ignore: it changes the operating point, never a graph."""
    if not (options.cap_from or options.scores_from):
        return
    default = {item.name: item.default for item in fields(Options)}
    names = ("particles", "reference_steps", "max_steps", "form", "aggregation", "checkpoint")
    unused = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) != default[name]]
    if unused:
        raise ConfigError(f"Sealing writes no graphs and cannot heed {', '.join(unused)}; export the run again.")


def _export(options: Options) -> Bundle:
    if options.cap_from:
        return seal(_evaluated(options.source, "--cap-from"), options.cap_from, options.out)
    if options.scores_from:
        return add_scores(_evaluated(options.source, "--scores-from"), options.scores_from, options.out)
    torch.set_num_threads(1)
    run = RunFolder.open(options.source)
    writer = BundleWriter(run, options.checkpoint, _settings(options, run.config()), report=print)
    return writer.write(options.out)


def _evaluated(source: Path, option: str) -> Bundle:
    if (source / "config.yaml").exists():
        raise ConfigError(f"{option} takes the bundle that was evaluated; {source} is a run folder. Give the bundle.")
    return Bundle.load(source)


def _settings(options: Options, config: TrainConfig) -> ExportSettings:
    if options.max_steps < 0:
        raise ConfigError(f"--max-steps: expected 0 or more, found {options.max_steps}.")
    if options.reference_steps is not None and options.reference_steps < 1:
        raise ConfigError(f"--reference-steps: expected 1 or more, found {options.reference_steps}.")
    return ExportSettings(
        num_particles=_particle_counts(options.particles),
        reference_steps=options.reference_steps or config.reference.num_steps,
        max_steps=options.max_steps,
        form=options.form or config.transport.form,
        aggregation=options.aggregation or config.transport.aggregation,
    )


def _particle_counts(text: str) -> tuple[int, ...]:
    try:
        values = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        values = ()
    if not values or values[0] < 1:
        raise ConfigError(f"--particles: expected positive whole numbers such as 1,4,10, found '{text}'.")
    return values
