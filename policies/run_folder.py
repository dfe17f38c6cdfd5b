"""The run folder: resolved configuration, dataset facts, checkpoints, metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from policies import checkpoint
from policies.checkpoint import Progress
from policies.config import TrainConfig, validate
from policies.datasets import Transitions
from policies.models import Models
from vgf_robot import config as yaml_config
from vgf_robot.errors import RunError

NUM_SAMPLE_ROWS = 2048
# What tells one dataset from another, of what is exact on every machine: its rows, and what they are worth.
ROWS = ("transitions", "episodes", "observation_low", "observation_high", "action_low", "action_high", "rows_sha256")
REWARDS = ("reward_range", "rewards_by_sign", "task_ends", "timeouts")


class RunFolder:
    """One run on disk.

    Args:
        path: The folder; `create` makes it, `open` expects it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, config: TrainConfig, transitions: Transitions, *, again: bool = False) -> RunFolder:
        """Make a new run folder with its configuration, the data's facts and a sample of its rows.

        The sample lets `export` check parity on real inputs without the dataset. `again` writes over those of a
        run that had come to nothing.

        Raises:
            RunError: The folder already holds a run.
        """
        if (path / "config.yaml").exists() and not again:
            raise RunError(f"{path} already holds a run; go on with `--resume`, or name another folder with `--out`.")
        path.mkdir(parents=True, exist_ok=True)
        (path / "dataset.json").write_text(json.dumps(transitions.facts(), indent=2) + "\n")
        generator = torch.Generator().manual_seed(config.seed)
        rows = torch.randint(len(transitions), (NUM_SAMPLE_ROWS,), generator=generator)
        sample = {"observations": transitions.observations[rows], "actions": transitions.actions[rows]}
        save_file(sample, path / "sample.safetensors")
        run = cls(path)
        run.write_config(config)  # last: with it the folder is a run, however soon it is killed
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run.

        Raises:
            RunError: The folder does not hold a run.
        """
        if not path.exists():
            raise RunError(f"{path} is no run folder: it does not exist; make one with `vgf-robot train`.")
        missing = [name for name in ("config.yaml", "dataset.json", "sample.safetensors") if not (path / name).exists()]
        if missing:
            raise RunError(f"{path} is no run folder: it lacks {', '.join(missing)}; make one with `vgf-robot train`.")
        return cls(path)

    def config(self) -> TrainConfig:
        """Return the resolved configuration of the run."""
        return validate(yaml_config.load(self.path / "config.yaml", TrainConfig))

    def write_config(self, config: TrainConfig) -> None:
        """Write the resolved configuration, in one piece."""
        unfinished = self.path / "config.yaml.unfinished"
        yaml_config.dump(config, unfinished)
        unfinished.replace(self.path / "config.yaml")

    def dataset_facts(self) -> dict[str, Any]:
        """Return what was written of the dataset when the run began."""
        return json.loads((self.path / "dataset.json").read_text())

    def differing_fact(self, facts: Mapping[str, object], names: Sequence[str]) -> str | None:
        """Return the first of these facts in which a dataset differs from the run's; None where it does not.

        What an older program did not write down is not held against the dataset.
        """
        known = self.dataset_facts()
        return next((name for name in names if name in known and known[name] != facts.get(name)), None)

    def require_same_data(self, facts: Mapping[str, object]) -> None:
        """Refuse to go on with other data than the run began with.

        Raises:
            RunError: A fact differs.
        """
        if name := self.differing_fact(facts, (*ROWS, *REWARDS)):
            raise RunError(
                f"{self.path} goes on with the data that it began with: {name} was "
                f"{self.dataset_facts().get(name)}, found {facts.get(name)}; put the file back, or begin another run."
            )

    def sample(self) -> dict[str, Tensor]:
        """Return `observations` (2048, O) and `actions` (2048, A) of randomly chosen transitions."""
        return load_file(self.path / "sample.safetensors")

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints, oldest first."""
        return sorted((self.path / "checkpoints").glob("*.safetensors"))

    def write_checkpoint(self, tensors: dict[str, Tensor], progress: Progress) -> Path:
        """Write a checkpoint named after the number of updates of both phases."""
        path = self.path / "checkpoints" / f"{progress.reference_updates + progress.critic_updates:09d}.safetensors"
        checkpoint.write(path, tensors, progress)
        return path

    def newest_checkpoint(self) -> Path:
        """Return the newest checkpoint.

        Raises:
            RunError: There is none.
        """
        found = self.checkpoints()
        if not found:
            raise RunError(f"{self.path} has no checkpoint yet; let `vgf-robot train` run on.")
        return found[-1]

    def load_models(self, path: Path) -> tuple[Models, Progress]:
        """Return the networks of a checkpoint.

        Raises:
            RunError: No such checkpoint, or it does not fit the configuration.
        """
        tensors, progress = checkpoint.read(path)
        models = Models(self.config())
        try:
            models.load_state_dict(checkpoint.without_prefix("models", tensors))
        except RuntimeError as error:
            raise RunError(f"The checkpoint of {self.path} does not fit its config.yaml ({error}).") from error
        return models, progress

    def forget_metrics_after(self, progress: Progress) -> None:
        """Drop the rows of updates that will be taken again, and a row that was cut off in the middle."""
        path, done = self.path / "metrics.jsonl", asdict(progress)
        if not path.exists():
            return
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        rows = [(line, json.loads(line)) for line in whole]
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text("".join(line for line, row in rows if row["update"] <= done[f"{row['phase']}_updates"]))
        unfinished.replace(path)

    def newest_metrics(self) -> dict[str, float]:
        """Return the last row of `metrics.jsonl`, without its phase; empty where there is none."""
        path = self.path / "metrics.jsonl"
        rows = path.read_text().splitlines() if path.exists() else []
        return {key: value for key, value in json.loads(rows[-1]).items() if key != "phase"} if rows else {}

    def append_metrics(self, row: dict[str, float | str]) -> None:
        """Append one row to `metrics.jsonl`."""
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
