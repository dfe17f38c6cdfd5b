"""Work in other processes: every task once, errors as they were raised, and no Ctrl-C for the workers."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from sim.plants.workers import in_workers
from vgf_robot.errors import MachineError, PlantError

pytestmark = pytest.mark.realtime


def name(task: int) -> str:
    return f"task {task}"


def facts(task: int) -> tuple[int, bool, str, str]:
    deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return os.getpid(), deaf, os.environ["MUJOCO_GL"], os.environ["OMP_NUM_THREADS"]


def test_every_task_is_done_once_by_workers_that_are_deaf_to_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "egl")
    found = dict(in_workers(facts, range(6), 2, name))
    assert sorted(found) == list(range(6))
    assert len({pid for pid, *_ in found.values()} | {os.getpid()}) == 3
    assert {tuple(rest) for _, *rest in found.values()} == {(True, "disable", "1")}
    assert os.environ["MUJOCO_GL"] == "egl"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def refuse(task: int) -> int:
    raise PlantError(f"{task} fits nothing.")


def test_an_error_comes_back_as_it_was_raised() -> None:
    with pytest.raises(PlantError, match=r"^0 fits nothing\.$"):
        list(in_workers(refuse, [0], 1, name))


def die(task: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_death_names_the_task() -> None:
    with pytest.raises(MachineError, match="at task 7 died"):
        list(in_workers(die, [7], 2, name))


def test_closing_early_ends_the_workers() -> None:
    with closing(in_workers(facts, range(100), 2, name)) as finished:
        pids = [next(finished)[1][0] for _ in range(4)]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_without_a_task_there_is_no_worker() -> None:
    assert list(in_workers(facts, [], 2, name)) == []
