"""`serve` and `drive` under a service manager, whose socket a test listens to, and the unit that starts them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import ENVIRONMENT, PATIENCE_S, VERB
from vgf_robot import verbs
from vgf_robot.control import ControlClient

pytestmark = pytest.mark.realtime
UNIT = Path(__file__).parents[2] / "docs" / "examples" / "systemd" / "vgf-robot.service"


class Manager:
    """What a service manager hears."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.heard: list[str] = []

    def until(self, wanted: str) -> None:
        """Listen until a line is heard that begins like this."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not any(line.startswith(wanted) for line in (self._next())):
            assert time.monotonic() < give_up_s, self.heard

    def _next(self) -> list[str]:
        lines = self._listening.recv(4096).decode().splitlines()
        self.heard += lines
        return lines


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE_S)
        yield Manager(listening)


@pytest.fixture
def start(tmp_path):
    @contextmanager
    def started(*arguments: str) -> Iterator[subprocess.Popen]:
        notify = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with subprocess.Popen(
            [sys.executable, "-c", VERB, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**ENVIRONMENT, **notify},
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return started


def test_a_server_says_when_it_is_ready_lives_reloads_and_stops(manager, start, tmp_path):
    bundle, control = make_bundle(tmp_path / "bundle"), f"ipc://{tmp_path}/control.sock"
    with (
        start("serve", str(bundle), "--bind", "tcp://127.0.0.1:*", "--control", control) as process,
        ControlClient(control, timeout_s=PATIENCE_S) as operator,
    ):
        manager.until("READY=1")
        manager.until("WATCHDOG=1")
        for reload in (lambda: process.send_signal(signal.SIGHUP), operator.reload):
            reload()
            manager.until("RELOADING=1")
            manager.until("READY=1")
            manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""
    assert manager.heard[0] == "READY=1"
    assert manager.heard[1].startswith("STATUS=serving tiny at tcp://127.0.0.1:")


def test_a_loop_says_so_too_while_it_waits_for_its_robot(manager, start, tmp_path):
    bundle = make_bundle(tmp_path / "bundle")
    ports = ("--observations", "tcp://127.0.0.1:*", "--commands", "tcp://127.0.0.1:*")
    with start("drive", str(bundle), *ports) as process:
        manager.until("READY=1")
        manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)  # the bundle stays, and so does the loop
        manager.until("RELOADING=1")
        manager.until("READY=1")
        manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        assert process.wait(PATIENCE_S) == 0
    assert manager.heard[:2] == ["READY=1", "STATUS=driving tiny"]


def test_the_unit_is_one(tmp_path):
    """With programs that are there in place of those that a person is to change."""
    if shutil.which("systemd-analyze") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("systemd is not installed")
    verb = tmp_path / "vgf-robot"
    verb.symlink_to("/bin/true")
    unit = tmp_path / "vgf-robot.service"
    unit.write_text(UNIT.read_text().replace("/opt/vgf-robot/bin/vgf-robot", str(verb)))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("start", ["ExecStartPre=", "ExecStart="])
def test_the_units_lines_are_verbs_with_options_that_there_are(start, capsys):
    (line,) = [line.removeprefix(start) for line in UNIT.read_text().splitlines() if line.startswith(start)]
    assert verbs.main(line.split()[1:]) == 2
    assert "/opt/bundles/my-arm: expected a bundle's folder" in capsys.readouterr().err
