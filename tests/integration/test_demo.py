"""`vgf-robot demo` from the command line to the page, with a plant without physics."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.busy import usable_cores
from sim.commands import demo
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, ConfigError, MachineError, PlantError

MODES = ["reference", "best-of-n", "tuned", "tuned", "fixed-0", "fixed-cap", "adaptive", "adaptive"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle", num_particles=(1, 4))


def make_synthetic(folder: Path) -> Bundle:
    return Bundle.load(make_bundle(folder, name="made-up", environment="none"))


@pytest.mark.realtime
def test_the_whole_tour_in_quick(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "open_plant", open_fake)
    monkeypatch.setattr(demo, "synthetic_bundle", make_synthetic)
    monkeypatch.setenv("MUJOCO_GL", "disable")
    out, copy = tmp_path / "out", tmp_path / "copy.json"
    options = ["--arm", str(bundle), "--hopper", str(bundle), "--out", str(out), "--json", str(copy), "--quick"]
    assert demo.main(options) == 0
    content = json.loads((out / "results.json").read_text())
    assert json.loads(copy.read_text())["rows"] == content["rows"]
    rows = content["rows"]
    assert [row["mode"] for row in rows][: len(MODES)] == MODES
    assert [bool(row["busy_processes"]) for row in rows[4:8]] == [True, True, True, False]
    assert [row["max_steps"] for row in rows[4:8]] == [0, 3, 3, 3]
    assert rows[4]["mean_steps"] == 0
    assert all(row["deadline_ms"] == pytest.approx(45) for row in rows[3:8])
    assert content["settings"]["hopper"]["control_period_s"] == 0.05  # the period is the bundle's, whatever the machine
    assert content["settings"]["video"].startswith("No video")
    assert "<html" in (out / "index.html").read_text()
    shown = capsys.readouterr().out
    assert str(out / "index.html") in shown
    assert "fixed-cap" in shown


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--seed", "-1"], ConfigError, "--seed is -1"),
        (["--arm", "nowhere"], BundleError, "nowhere"),
        (["--out", "/proc/demo"], MachineError, "--out"),
        ([], PlantError, "Test-v0"),
    ],
)
def test_bad_input_is_one_sentence(
    bundle: Path, tmp_path: Path, options: list[str], error: type[Exception], message: str
) -> None:
    base = ["--arm", str(bundle), "--hopper", str(bundle), "--out", str(tmp_path / "out"), "--quick"]
    with pytest.raises(error, match=message):
        demo.main([*base, *options])


# The loaded part alone, as the verb runs it, with an episode that does not end.
INTERRUPTED = """
import sys
from sim.commands import demo
from sim.demo.comparison import compare
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot import verbs
from vgf_robot.bundle import Bundle

def main(argv):
    with demo.ended_by_sigterm():
        compare(Bundle.load(argv[0]), FakePlant(num_periods=100_000), through="server", seed=0, budget_s=1.0,
                min_rounds=1, report=lambda _: None)
    return 0

verbs._load = lambda name: main
sys.exit(verbs.main(["demo", *sys.argv[1:]]))
"""


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def mentioning(path: Path) -> list[int]:
    """Processes with the path on their command line."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(path) in command.read_text():
                found.append(int(command.parent.name))
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("It did not happen within 30 s.")


@pytest.mark.realtime
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_neither_server_nor_load(tmp_path: Path, number: int, code: int) -> None:
    endless = make_bundle(tmp_path / "endless")
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, str(script), str(endless)], env=environment, stderr=subprocess.DEVNULL)
    try:
        busy = len(usable_cores()) + 1  # and the first of the servers
        wait_for(lambda: len(children(process.pid)) >= busy)
        seen = children(process.pid)
        process.send_signal(number)
        assert process.wait(30) == code
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not any(running(pid) for pid in [*seen, *mentioning(endless)]))
