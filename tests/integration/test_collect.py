"""`vgf-robot collect` with real worker processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from glfw import library as glfw_loader

from sim.collect.collection import collect
from sim.collect.names import Split, parse_dataset
from sim.collect.settings import Asked
from vgf_robot.errors import MachineError

pytestmark = pytest.mark.realtime
MAZE = parse_dataset("pointmaze-medium-navigate-v0")
PATIENCE_S = 60.0


def test_the_number_of_workers_does_not_matter(tmp_path):
    asked = Asked(episodes=5, episode_steps=30)
    for workers in (1, 2):
        collect(MAZE, tmp_path / str(workers), asked, num_workers=workers)
    for split in Split:
        assert (tmp_path / "1" / MAZE.file(split)).read_bytes() == (tmp_path / "2" / MAZE.file(split)).read_bytes()


@pytest.fixture
def running(tmp_path):
    """A collection far too long to end, in a process of its own, with two workers and some episodes made."""
    code = "import sys; from vgf_robot.verbs import main; sys.exit(main())"
    arguments = ["collect", str(MAZE), "--episodes", "9000", "--episode-steps", "20", "--workers", "2"]
    command = [sys.executable, "-c", code, *arguments, "--out", str(tmp_path)]
    # Told where its library is, glfw does not ask a process of its own, which a dying worker would leave to complain.
    environment = {**os.environ, "PYGLFW_LIBRARY": glfw_loader.glfw._name}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _until(lambda: len(_parts(tmp_path)) >= 2 or process.poll() is not None)
        assert process.poll() is None
        yield process, tmp_path
    finally:
        process.kill()
        process.communicate()


def test_an_interrupt_keeps_the_episodes_and_takes_the_workers_along(running):
    process, folder = running
    workers = _children(process.pid)
    assert len(workers) >= 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "episodes are kept; the same command goes on from there." in errors
    assert "Traceback" not in errors
    assert _parts(folder)
    _until(lambda: not any(map(_alive, workers)))


def test_workers_leave_when_their_parent_is_killed(running):
    process, _ = running
    workers = _children(process.pid)
    process.kill()
    process.communicate()
    _until(lambda: not any(map(_alive, workers)))


def test_a_dead_worker_is_a_sentence_and_its_fellows_leave(running):
    process, _ = running
    workers = _children(process.pid)
    os.kill(next(pid for pid in workers if "spawn_main" in _command(pid)), signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == MachineError.exit_code
    assert "died" in errors
    assert "Traceback" not in errors
    _until(lambda: not any(map(_alive, workers)))


def _parts(folder: Path) -> list[Path]:
    return list((folder / f".{MAZE}.parts").glob("train-*.npz"))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not happened():
        assert time.monotonic() < deadline
        pause.wait(0.02)
