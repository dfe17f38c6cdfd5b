"""kill -9 at any moment leaves a run that resumes, to the same end as one that was never disturbed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from policies import checkpoint, run_folder
from policies.commands import train
from policies.methods import value_flow
from policies.reference import FlowReference
from policies.run_folder import RunFolder
from tests.runs import write_config

# Where the process dies: the owner and name of a function, and at which of its calls.
MOMENTS: dict[str, tuple[Any, str, int]] = {
    "while the run's folder is made": (run_folder, "save_file", 1),
    "while its configuration is written": (run_folder.yaml_config, "dump", 1),
    "before the first checkpoint": (FlowReference, "loss", 3),
    "while a checkpoint is written": (checkpoint, "save_file", 2),
    "between two checkpoints of the reference": (FlowReference, "loss", 8),
    "inside the critic's update": (value_flow, "move_target", 7),
    "after metrics that the checkpoint does not know": (value_flow, "move_target", 11),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("moment", sorted(MOMENTS))
def test_a_killed_run_goes_on(tmp_path: Path, moment: str) -> None:
    config = str(write_config(tmp_path, log_every=1))
    assert train.main([config, "--out", str(tmp_path / "whole")]) == 0
    out = tmp_path / "killed"
    process = multiprocessing.get_context("fork").Process(target=_train_and_die, args=(config, out, *MOMENTS[moment]))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    resume = ["--resume"] if (out / "config.yaml").exists() else []
    assert train.main([config, "--out", str(out), *resume]) == 0
    whole, killed = tensors_of(tmp_path / "whole"), tensors_of(out)
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    assert metrics_of(out) == metrics_of(tmp_path / "whole")


def test_a_row_of_metrics_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    config = str(write_config(tmp_path))
    out = tmp_path / "run"
    train.main([config, "--out", str(out)])
    before = metrics_of(out)
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "critic", "upd')
    assert train.main([config, "--out", str(out), "--resume"]) == 0
    assert metrics_of(out) == before


def tensors_of(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.read(RunFolder.open(run).newest_checkpoint())[0]


def metrics_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def _train_and_die(config: str, out: Path, owner: Any, name: str, call: int) -> None:
    original, calls = getattr(owner, name), [0]

    def killed(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            _leave_something_half_written(arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(owner, name, killed)
    train.main([config, "--out", str(out)])


def _leave_something_half_written(arguments: tuple[Any, ...]) -> None:
    """Where the function writes a file, leave the beginning of one."""
    for argument in arguments:
        if isinstance(argument, Path):
            argument.write_bytes(b"half")
