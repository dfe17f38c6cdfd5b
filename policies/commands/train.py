"""`vgf-robot train`: dataset and configuration to a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from policies import checkpoint, datasets
from policies.borrowed_reference import borrow_reference
from policies.commands.resolution import SETTABLE, resolve, resumed
from policies.config import TrainConfig
from policies.datasets import Transitions
from policies.run_folder import RunFolder
from policies.stop_request import StopRequest
from policies.training import Metrics, Trainer
from vgf_robot.errors import MachineError, RunError
from vgf_robot.results import finite, write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot train configs/train/pointmaze-medium-navigate.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `train`."""

    config: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG.yaml")]
    """YAML file, see configs/train/."""
    method: str | None = None
    """vgf, a-vgf, ifql or fql, instead of the configuration's: a rival on the same data. The run is then called
    NAME-METHOD."""
    out: Path | None = None
    """Run folder; runs/NAME where not given, NAME being the configuration's."""
    data: str | None = None
    """Dataset file, instead of the configuration's `data.path`."""
    seed: int | None = None
    """Seed, instead of the configuration's."""
    reference_updates: int | None = None
    """Updates of the reference policy, instead of the configuration's."""
    critic_updates: int | None = None
    """Updates of the critic, instead of the configuration's."""
    reference_from: Path | None = None
    """Run folder whose finished reference policy is taken, in place of training one: of another method on the same
    data, say."""
    device: str | None = None
    """cpu or cuda, instead of the configuration's."""
    precision: str | None = None
    """Of the hidden layers in training: float32 or bfloat16, instead of the configuration's."""
    threads: int | None = None
    """CPU threads, instead of the configuration's."""
    resume: bool = False
    """Go on from the run's newest checkpoint, if there is one, with the configuration saved there; more
    --critic-updates than it has train it longer."""
    json: Path | None = None
    """Write the final metrics to this file."""


def main(argv: Sequence[str]) -> int:
    """Train and return the exit code."""
    options = parse(Options, argv, "train", EXAMPLE)
    asked = {key: str(value) if isinstance(value, Path) else value for key, value in _settings(options)}
    config = resolve(options.config, asked)
    folder = options.out or Path("runs") / config.name
    if options.resume:
        config = resumed(config, RunFolder.open(folder).config(), options.config, asked)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise MachineError("device: expected a CUDA device, torch finds none here; train with `--device cpu`.")
    torch.set_num_threads(config.num_threads)
    transitions = datasets.load(config)
    print("\n".join([f"{config.data.path}:", *transitions.sentences()]))
    run, trainer = (_left if options.resume else _begun)(folder, config, transitions)
    metrics = _train(trainer, run) or run.newest_metrics()
    print(f"{folder}: {config.critic.num_updates} critic updates done; next: vgf-robot export {folder} --out BUNDLE")
    if options.json:
        write_json(options.json, "train", {"run": str(folder), "config": str(options.config)}, [finite(metrics)])
    return 0


def _settings(options: Options) -> Iterator[tuple[str, object]]:
    """Yield what the command line sets, by the configuration's keys."""
    for key, name in SETTABLE.items():
        if (value := getattr(options, name)) is not None:
            yield key, value


def _begun(
    folder: Path, config: TrainConfig, transitions: Transitions, *, again: bool = False
) -> tuple[RunFolder, Trainer]:
    """Return a new run and what trains it; `again` in the folder of one that had come to nothing."""
    lender, borrowed = config.reference.taken_from, None
    if lender is not None:
        config, borrowed = borrow_reference(RunFolder.open(Path(lender)), config, transitions.facts())
    run, trainer = RunFolder.create(folder, config, transitions, again=again), Trainer(config, transitions)
    if borrowed is not None:
        trainer.adopt_reference(borrowed)
        run.write_checkpoint(trainer.state(), trainer.progress)  # from here on without the other run
    run.forget_metrics_after(trainer.progress)
    return run, trainer


def _left(folder: Path, config: TrainConfig, transitions: Transitions) -> tuple[RunFolder, Trainer]:
    """Return a run as it was left, and what trains it; one that was killed before its first checkpoint begins again."""
    run = RunFolder.open(folder)
    run.require_same_data(transitions.facts())
    if not run.checkpoints():
        print(f"{run.path} has no checkpoint yet; its updates begin again.")
        return _begun(folder, config, transitions, again=True)
    run.write_config(config)  # perhaps with more updates
    trainer = Trainer(config, transitions)
    trainer.restore(*checkpoint.read(run.newest_checkpoint()))
    run.forget_metrics_after(trainer.progress)
    return run, trainer


def _train(trainer: Trainer, run: RunFolder) -> Metrics:
    config = trainer.config
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with bar, StopRequest() as stop:
        loop = _Loop(trainer, run, bar, stop)
        loop.phase("reference", config.reference.num_updates, _update_reference)
        loop.draw_samples()
        return loop.phase("critic", config.critic.num_updates, _update_critic)


def _update_reference(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {"reference_loss": trainer.update_reference()}


def _update_critic(trainer: Trainer) -> dict[str, torch.Tensor]:
    return trainer.update_critic()


class _Loop:
    """The part of the verb that a person watches: bar, metrics, checkpoints."""

    def __init__(self, trainer: Trainer, run: RunFolder, bar: Progress, stop: StopRequest) -> None:
        self._trainer, self._run, self._bar, self._stop = trainer, run, bar, stop
        self._metrics: Metrics = {}

    def phase(self, name: str, num_updates: int, update: Callable[[Trainer], dict[str, torch.Tensor]]) -> Metrics:
        """Take the phase's remaining updates; returns the last metrics."""
        begun = self._done(name)
        task = self._bar.add_task(name, total=num_updates, completed=begun, rate="")
        # What was logged of updates that are taken again is hidden from here on.
        with SummaryWriter(str(self._run.path / "tensorboard" / name), purge_step=begun + 1) as board:
            self._update_until(num_updates, name, update, board, task)
        return self._metrics

    def _update_until(
        self,
        num_updates: int,
        name: str,
        update: Callable[[Trainer], dict[str, torch.Tensor]],
        board: SummaryWriter,
        task: TaskID,
    ) -> None:
        config = self._trainer.config
        while (done := self._done(name)) < num_updates:
            scalars = update(self._trainer)
            done += 1
            last = done == num_updates
            if done % config.log_every == 0 or last:
                self._log(name, done, scalars, board, task)
            if done % config.checkpoint_every == 0 or last or self._stop.requested:
                path = self._run.write_checkpoint(self._trainer.state(), self._trainer.progress)
                if self._stop.requested:
                    self._bar.console.print(f"Stopped; saved {path}. Go on with --resume.")
                    raise KeyboardInterrupt
            self._bar.update(task, completed=done)

    def draw_samples(self) -> None:
        """Fill the sample cache under a bar of its own."""
        if self._trainer.keeps_samples and self._done("critic") < self._trainer.config.critic.num_updates:
            task = self._bar.add_task("reference samples", total=self._trainer.num_transitions, rate="states")
            self._trainer.fill_cache(lambda count: self._bar.advance(task, count))
            if self._stop.requested:  # the newest checkpoint is that of the phase before; the samples are drawn again
                raise KeyboardInterrupt

    def _done(self, name: str) -> int:
        progress = self._trainer.progress
        return progress.reference_updates if name == "reference" else progress.critic_updates

    def _log(self, name: str, done: int, scalars: dict[str, torch.Tensor], board: SummaryWriter, task: TaskID) -> None:
        values = {key: float(value) for key, value in scalars.items()}
        if not all(map(_is_finite, values.values())):
            raise RunError(f"Training diverged after {done} {name} updates ({values}); lower the learning rate.")
        self._metrics = {"update": float(done), **values}
        self._run.append_metrics({"phase": name, **self._metrics})
        for key, value in values.items():
            board.add_scalar(f"{name}/{key}", value, done)
        speed = self._bar.tasks[task].speed
        self._bar.update(task, rate=f"{speed:.0f}/s" if speed else "")


def _is_finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
