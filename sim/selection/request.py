"""What a selection was asked for, checked before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from sim.run_files import Checkpoint, RunFiles
from vgf_robot.bundle import Selection
from vgf_robot.errors import ConfigError, ExportError, RunError

_ALL = "all"
# The words of a bundle's manifest; the exporter, which this package must not import, takes the same.
Form = Literal["svgd", "smoothed", "independent"]
Aggregation = Literal["mean", "min"]


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every checkpoint is exported and evaluated with; saved in the work folder, which holds one such sweep.

    Attributes:
        episodes: Per setting.
        seed: Every setting of every checkpoint sees the episodes that follow from it.
        num_particles: Values of N; empty for the variants that `export` writes where nothing is said.
        steps: Numbers of transport steps; empty for 0, 1, 2, 4 as far as the bundle's cap allows.
        step_size: In normalised action units; empty for the run's own.
        selection: Rules; empty for the bundle's own.
        form: Of the flow at run time; None for the run's own.
        aggregation: Of the ensemble; None for the run's own.
    """

    episodes: Annotated[int, msgspec.Meta(ge=1)] = 50
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    num_particles: tuple[Annotated[int, msgspec.Meta(ge=1)], ...] = ()
    steps: tuple[Annotated[int, msgspec.Meta(ge=0)], ...] = ()
    step_size: tuple[Annotated[float, msgspec.Meta(gt=0)], ...] = ()
    selection: tuple[Selection, ...] = ()
    form: Form | None = None
    aggregation: Aggregation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """One selection.

    Attributes:
        run: Whose checkpoints.
        out: Where the sealed and scored bundle goes.
        work: Holds what is made on the way, and is gone on from.
        checkpoints: `all`, or total numbers of updates separated by commas.
        sweep: What each is evaluated with.
        report_seed: Of the episodes that score the choice.
        report_episodes: How many of them, per mode.
        workers: Processes that share the episodes.
    """

    run: Path
    out: Path
    work: Path
    checkpoints: str
    sweep: Sweep
    report_seed: int
    report_episodes: int
    workers: int


def require_sound(request: SelectionRequest) -> None:
    """Refuse what would be found out only after hours.

    Raises:
        ConfigError: Numbers out of their range, or a report on the very episodes that choose.
        ExportError: The bundle's place is taken.
    """
    counts = {"--workers": request.workers, "--report-episodes": request.report_episodes}
    for option, found in counts.items():
        if found < 1:
            raise ConfigError(f"{option}: expected 1 or more, found {found}.")
    if request.report_seed < 0:
        raise ConfigError(f"--report-seed: expected 0 or more, found {request.report_seed}.")
    if request.report_seed == request.sweep.seed:
        raise ConfigError(
            f"--report-seed: expected another than the {request.sweep.seed} that chooses, found the same; what is "
            "chosen on some episodes looks better on them than it is."
        )
    if request.out.exists():
        raise ExportError(f"{request.out} exists already; remove it, or name another folder with `--out`.")


def chosen_checkpoints(run: RunFiles, text: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that were asked for, oldest first.

    `all` leaves out those from before the critic's first update: nothing ranks their particles. A number takes one
    whatever it holds.

    Raises:
        RunError: The run has no such checkpoint.
        ConfigError: The text is neither `all` nor numbers.
    """
    if not run.checkpoints:
        raise RunError(f"{run.path} has no checkpoint to select from; let `vgf-robot train` run on.")
    if text == _ALL:
        found = tuple(checkpoint for checkpoint in run.checkpoints if checkpoint.critic_updates > 0)
        if not found:
            raise RunError(
                f"{run.path} has no checkpoint with a trained critic yet, the last is of update "
                f"{run.checkpoints[-1].updates}; let `vgf-robot train` run on."
            )
        return found
    wanted = _numbers(text)
    known = {checkpoint.updates: checkpoint for checkpoint in run.checkpoints}
    if missing := [number for number in wanted if number not in known]:
        raise RunError(
            f"{run.path} has no checkpoint of update {', '.join(map(str, missing))}; there are: "
            f"{', '.join(map(str, known))}."
        )
    return tuple(known[number] for number in wanted)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"--checkpoints: expected 'all' or numbers of updates such as 10000,20000, found '{text}'.")
    return sorted({int(part) for part in parts})
