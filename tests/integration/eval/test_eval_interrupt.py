"""An evaluation that is interrupted or killed: what it leaves, and whom."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.commands import eval as command
from sim.evaluation.evaluate import Evaluation, EvaluationInterrupted, evaluate
from sim.evaluation.plan import Plan
from tests.unit.sim.evaluation.fakes import open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.verbs import main

PATIENCE_S = 60.0


def test_what_an_interrupt_leaves_is_written_before_the_exit(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(bundle: Bundle, plan: Plan) -> Evaluation:
        whole = evaluate(bundle, plan, open_fake)
        raise EvaluationInterrupted(dataclasses.replace(whole, rows=whole.rows[:1], interrupted=True))

    monkeypatch.setattr(command, "evaluate", interrupted)
    out = tmp_path / "eval.json"
    assert main(["eval", str(bundle.folder), "--episodes", "2", "--steps", "0,1", "--json", str(out)]) == 130
    content = json.loads(out.read_text())
    assert content["settings"]["interrupted"]
    assert [row["max_steps"] for row in content["rows"]] == [0]
    shown = capsys.readouterr()
    assert "Interrupted; rows: 1, episodes of each: 2." in shown.out
    assert shown.err.splitlines() == ["vgf-robot eval: interrupted."]


@pytest.fixture
def running(maze_bundle: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """An evaluation far too long to end, in a process of its own with two workers."""
    code = "import sys; from vgf_robot.verbs import main; sys.exit(main())"
    options = ["--environment", "pointmaze-medium-singletask-v0", "--steps", "0,1,2", "--episodes", "400"]
    arguments = ["eval", str(maze_bundle), *options, "--workers", "2", "--json", str(tmp_path / "eval.json")]
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
    try:
        yield process, tmp_path
    finally:
        process.kill()
        process.wait()


@pytest.mark.realtime
def test_an_interrupt_is_one_sentence_and_takes_the_workers_along(running: tuple[subprocess.Popen, Path]) -> None:
    process, folder = running
    until(lambda: len(workers_of(process.pid)) == 2 or process.poll() is not None)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too, which are still starting
    process.wait(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert (folder / "errors").read_text().splitlines() == ["vgf-robot eval: interrupted."]
    until(lambda: not any(map(is_alive, workers)))


@pytest.mark.realtime
def test_workers_leave_when_their_parent_is_killed(running: tuple[subprocess.Popen, Path]) -> None:
    process, _ = running
    until(lambda: len(workers_of(process.pid)) == 2 or process.poll() is not None)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    until(lambda: not any(map(is_alive, workers)))


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not happened():
        assert time.monotonic() < deadline
        pause.wait(0.02)
