"""`vgf-robot select`: the best checkpoint of a run, at its best setting, as one sealed bundle.

It needs `export`, which knows the networks, and `eval`, which knows the plants, and those two packages must not know
each other. So it imports neither networks nor exporter: it gives command lines to the two verbs, as a person would, and
reads the files that they write. It lives in `sim` because selecting is evaluating many times, and because what runs on
a robot (`vgf_robot`) shall not carry a workstation's errand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from sim.plants import knows_success
from sim.scores import Score
from sim.selection import Selected, SelectionRequest, Sweep, select, setting_text
from vgf_robot.bundle import best_row
from vgf_robot.config import from_mapping
from vgf_robot.errors import ConfigError
from vgf_robot.results import print_table, write_json
from vgf_robot.verbs import call, parse

_EXAMPLE = (
    "vgf-robot select runs/hopper-replay --out bundles/hopper --num-particles 1,10 --steps 0,1,2,4 "
    "--step-size 0.05,0.3 --workers 2"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Go on after Ctrl-C with the same command: checkpoints that are evaluated are not evaluated again."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The run's folder."""
    out: Path
    """Where the sealed bundle goes; must not exist."""
    checkpoints: str = "all"
    """Total updates of the checkpoints, such as 10000,20000, or `all` since the critic learns."""
    episodes: int = 50
    """Episodes per setting and checkpoint."""
    seed: int = 0
    """Of the episodes that choose."""
    num_particles: str | None = None
    """Values of N, such as 1,10; the variants that `export` writes where not given."""
    steps: str | None = None
    """Numbers of transport steps; 0,1,2,4 where not given, as far as the method moves particles."""
    step_size: str | None = None
    """Step sizes in normalised action units, such as 0.05,0.3; the run's own where not given."""
    selection: str | None = None
    """Selection rules: argmax,softmax,uniform; argmax where not given."""
    form: str | None = None
    """The flow's form, as `export` takes it."""
    aggregation: str | None = None
    """How the ensemble becomes one value, as `export` takes it."""
    report_seed: int = 1000
    """Of the episodes that score the choice; another than --seed."""
    report_episodes: int = 100
    """How many of them, for reference, best-of-n and the sealed setting each."""
    workers: int = 1
    """Processes that share the episodes."""
    work: Path | None = None
    """Keeps bundles, evaluations, log and learning curve; RUN/selection where not given."""
    json: Path | None = None
    """Write every row of every checkpoint, and the report's, to this file."""


def main(argv: Sequence[str]) -> int:
    """Select, and return the exit code."""
    options = parse(Options, argv, "select", _EXAMPLE)
    request = request_of(options)
    selected = select(request, call, knows_success, lambda sentence: print(sentence, flush=True))
    if options.json is not None:
        write_json(options.json, "select", _settings(request, selected), _rows(request, selected))
    _show(request, selected)
    return 0


def request_of(options: Options) -> SelectionRequest:
    """Return what was asked for.

    Raises:
        ConfigError: A value that is not what it should be; the sentence names it.
    """
    content: dict[str, Any] = {
        "episodes": options.episodes,
        "seed": options.seed,
        "num_particles": _numbers(options, "num_particles", int),
        "steps": _numbers(options, "steps", int),
        "step_size": _numbers(options, "step_size", float),
        "selection": [part.strip() for part in (options.selection or "").split(",") if part.strip()],
        "form": options.form,
        "aggregation": options.aggregation,
    }
    return SelectionRequest(
        run=options.run,
        out=options.out,
        work=options.run / "selection" if options.work is None else options.work,
        checkpoints=options.checkpoints,
        sweep=from_mapping(content, Sweep, "the command line"),
        report_seed=options.report_seed,
        report_episodes=options.report_episodes,
        workers=options.workers,
    )


def _numbers(options: Options, name: str, kind: type[int] | type[float]) -> list[int | float]:
    text: str | None = getattr(options, name)
    if text is None:
        return []
    try:
        return sorted({kind(part) for part in text.split(",")})
    except ValueError as error:
        example = "0,1,4" if kind is int else "0.05,0.3"
        option = f"--{name.replace('_', '-')}"
        raise ConfigError(f"{option}: expected numbers such as {example}, found '{text}'.") from error


def _settings(request: SelectionRequest, selected: Selected) -> dict[str, Any]:
    choice = selected.choice
    return {
        "run": request.run,
        "bundle": request.out,
        "bundle_sha256": selected.bundle.sha256,
        "checkpoint": choice.candidate.checkpoint.name,
        "work": request.work,
        "plot": selected.plot,
        "seed": request.sweep.seed,
        "episodes": request.sweep.episodes,
        "report_seed": request.report_seed,
        "report_episodes": request.report_episodes,
    }


def _rows(request: SelectionRequest, selected: Selected) -> list[dict[str, Any]]:
    """Return every row of every checkpoint, then the report's."""
    chosen = selected.choice
    rows: list[dict[str, Any]] = []
    for candidate in selected.candidates:
        labelled = candidate.labelled_rows(candidate.rows, request.sweep.seed)
        rows += [{**row, "chosen": own is chosen.row} for own, row in zip(candidate.rows, labelled, strict=True)]
    report = chosen.candidate.labelled_rows(selected.report["rows"], request.report_seed)
    return rows + [{**row, "chosen": row["mode"] == "tuned"} for row in report]


def _show(request: SelectionRequest, selected: Selected) -> None:
    chosen = selected.choice
    cells = [
        {
            "checkpoint": candidate.checkpoint.name,
            "updates": candidate.checkpoint.critic_updates,
            "best setting": setting_text(best),
            "score (95 %)": str(Score.of(best)),
            "": "chosen" if candidate is chosen.candidate else "",
        }
        for candidate in selected.candidates
        for best in (chosen.row if candidate is chosen.candidate else best_row(candidate.rows),)
    ]
    print_table(f"{request.sweep.episodes} episodes each, seed {request.sweep.seed}", cells, list(cells[0]))
    rows = selected.report["rows"]
    cells = [{"mode": row["mode"], "setting": setting_text(row), "score (95 %)": str(Score.of(row))} for row in rows]
    title = f"{request.out}: {request.report_episodes} other episodes, seed {request.report_seed}"
    print_table(title, cells, list(cells[0]))
    print(f"{request.out} is sealed, with these scores; the learning curve is {selected.plot}.")
