"""The selection itself: every checkpoint through `export` and `eval`, then one bundle, sealed and scored."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.run_files import Checkpoint, RunFiles
from sim.scores import Score
from sim.selection.candidate import Candidate, Choice, choose, evidence
from sim.selection.learning_curve import setting_text, write_learning_curve
from sim.selection.request import SelectionRequest, chosen_checkpoints, require_sound
from sim.selection.work_folder import Content, WorkFolder, evaluation_of
from vgf_robot.bundle import Bundle, best_row
from vgf_robot.errors import MachineError
from vgf_robot.results import write_json

Call = Callable[[str, Sequence[str]], int]
_STEPS = (0, 1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What came of it.

    Attributes:
        bundle: Sealed, with its scores.
        choice: What was sealed.
        candidates: What it was chosen from.
        report: The evaluation on other episodes.
        plot: The learning curve's page.
    """

    bundle: Bundle
    choice: Choice
    candidates: Sequence[Candidate]
    report: Content
    plot: Path


def select(
    request: SelectionRequest, call: Call, knows_plant: Callable[[str], object], say: Callable[[str], None]
) -> Selected:
    """Export, evaluate, choose, seal and report.

    Args:
        request: What to select from, and how.
        call: Runs a verb.
        knows_plant: Raises where there is no such environment.
        say: Takes a sentence at each stage.

    Raises:
        VgfError: Bad input, found before the work where that is possible; no bundle is left.
        KeyboardInterrupt: Ctrl-C; evaluations stay in the work folder.
    """
    require_sound(request)
    run = RunFiles.open(request.run)
    checkpoints = chosen_checkpoints(run, request.checkpoints)
    knows_plant(run.environment)
    work = WorkFolder(request.work)
    work.begin(request.sweep)
    selecting = _Selecting(request, work, call, say)
    selecting.require_what_is_there(checkpoints)
    candidates: list[Candidate] = []
    try:
        for number, checkpoint in enumerate(checkpoints, start=1):
            candidates.append(selecting.candidate(checkpoint, f"{number} of {len(checkpoints)}, {checkpoint.name}"))
            write_learning_curve(work.plot, run.name, candidates, None)
        choice = choose(candidates)
        write_learning_curve(work.plot, run.name, candidates, choice)
        bundle, report = selecting.seal(choice, candidates)
    except KeyboardInterrupt:
        done = f"{len(candidates)} of {len(checkpoints)} checkpoints are evaluated"
        say(f"Interrupted; {done} in {work.path}, and the same command goes on from there.")
        raise
    return Selected(bundle=bundle, choice=choice, candidates=candidates, report=report, plot=work.plot)


class _Selecting:
    """The stages, each of which leaves alone what is there already."""

    def __init__(self, request: SelectionRequest, work: WorkFolder, call: Call, say: Callable[[str], None]) -> None:
        self._request = request
        self._work = work
        self._call = call
        self._say = say

    def require_what_is_there(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Refuse, before the work, files of the work folder that belong to something else."""
        for checkpoint in checkpoints:
            if (bundle := self._work.bundle(checkpoint)) is not None:
                evaluation_of(self._work.evaluation_path(checkpoint), bundle, self._sweep_of(bundle))

    def candidate(self, checkpoint: Checkpoint, title: str) -> Candidate:
        """Return the checkpoint evaluated."""
        bundle = self._work.bundle(checkpoint)
        if bundle is None:
            self._say(f"{title}: exporting")
            bundle = self._export(checkpoint)
        path, sweep = self._work.evaluation_path(checkpoint), self._sweep_of(bundle)
        content, how = evaluation_of(path, bundle, sweep), "evaluated before"
        if content is None:
            self._say(f"{title}: evaluating")
            content, how = self._evaluate(path, bundle, sweep), "evaluated"
        rows = content["rows"]
        best = best_row(rows)
        self._say(f"{title}: {how}; {len(rows)} settings, takes {setting_text(best)}: {Score.of(best)}")
        return Candidate(checkpoint=checkpoint, bundle=bundle, settings=content["settings"], rows=rows)

    def seal(self, choice: Choice, candidates: Sequence[Candidate]) -> tuple[Bundle, Content]:
        """Seal the choice, score it on other episodes, and only then put it into its place."""
        request, work, source = self._request, self._work, choice.candidate.bundle.folder
        self._say(f"sealing {choice.candidate.checkpoint.name}, {setting_text(choice.row)}")
        write_json(work.chosen, "eval", *evidence(choice, candidates))
        if (work.sealed / "manifest.json").exists():  # of a choice before; its report is kept under its own name
            shutil.rmtree(work.sealed)
        self._run("export", source, "--out", work.sealed, "--cap-from", work.chosen)
        sealed = Bundle.load(work.sealed)
        path = work.report_path(sealed, request.report_seed, request.report_episodes)
        settings = {"seed": request.report_seed, "episodes": request.report_episodes, "clock": "lock-step"}
        report = evaluation_of(path, sealed, settings)
        if report is None:
            self._say(f"reporting on {request.report_episodes} episodes of seed {request.report_seed}")
            report = self._evaluate(path, sealed, settings)
        self._run("export", work.sealed, "--out", request.out, "--scores-from", path)
        return Bundle.load(request.out), report

    def _export(self, checkpoint: Checkpoint) -> Bundle:
        sweep, out = self._request.sweep, self._work.bundle_path(checkpoint)
        options = {
            "--particles": _listed(sweep.num_particles),
            "--max-steps": str(max(sweep.steps)) if sweep.steps else None,
            "--form": sweep.form,
            "--aggregation": sweep.aggregation,
        }
        given = [part for name, value in options.items() if value is not None for part in (name, value)]
        self._run("export", self._request.run, "--checkpoint", checkpoint.path, "--out", out, *given)
        return Bundle.load(out)

    def _evaluate(self, path: Path, bundle: Bundle, settings: dict[str, Any]) -> Content:
        options: list[str] = []
        for name, value in settings.items():
            options += [f"--{name.replace('_', '-')}", _listed(value) or "" if isinstance(value, list) else str(value)]
        self._run("eval", bundle.folder, *options, "--workers", self._request.workers, "--json", path)
        content = evaluation_of(path, bundle, settings)
        if content is None:
            raise MachineError(f"`vgf-robot eval` left no evaluation at {path}; {self._work.log} has what it said.")
        return content

    def _sweep_of(self, bundle: Bundle) -> dict[str, Any]:
        """Return the settings of a checkpoint's evaluation, under the names of `eval`."""
        sweep, point = self._request.sweep, bundle.manifest.operating_point
        return {
            "episodes": sweep.episodes,
            "seed": sweep.seed,
            "num_particles": list(sweep.num_particles or bundle.manifest.particle_counts),
            "steps": list(sweep.steps or (steps for steps in _STEPS if steps <= point.max_steps)),
            "step_size": list(sweep.step_size or (point.step_size,)),
            "selection": list(sweep.selection or (point.selection,)),
            "clock": "lock-step",
        }

    def _run(self, verb: str, *arguments: object) -> None:
        """Run a verb; what it prints goes into the log, its progress bar to the terminal."""
        argv = [str(argument) for argument in arguments]
        with self._work.log.open("a", encoding="utf-8") as log, redirect_stdout(log):
            log.write(f"$ vgf-robot {verb} {shlex.join(argv)}\n")
            code = self._call(verb, argv)
        if code != 0:
            raise MachineError(f"`vgf-robot {verb}` ended with exit code {code}; {self._work.log} has what it said.")


def _listed(values: Sequence[object]) -> str | None:
    return ",".join(map(str, values)) or None
