"""Recorders in processes of their own."""

import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.serve.servers import ENVIRONMENT, OBSERVATION, PATIENCE_S, VERB, Served
from vgf_robot.recording import Recording
from vgf_robot.telemetry import TickRecord
from vgf_robot.wire import Client


@dataclass(frozen=True)
class Recorder:
    process: subprocess.Popen
    folder: Path

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit code and the rest of what was said."""
        self.process.send_signal(number)
        said, complaints = self.process.communicate(timeout=PATIENCE_S)
        assert complaints == ""
        return self.process.returncode, said


@contextmanager
def recording(endpoint: str, folder: Path, *options: str):
    command = [sys.executable, "-c", VERB, "record", endpoint, "--out", str(folder), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=ENVIRONMENT
    ) as process:
        try:
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "the recorder did not start"
            line = process.stdout.readline()
            assert line.startswith("recording "), line + process.stderr.read()
            yield Recorder(process, folder)
        finally:
            process.kill()


def telemetry_of(served: Served) -> str:
    """Return where a server tells its ticks, which it says after it is ready."""
    line = served.process.stdout.readline()  # not `served.line`: it may be in the buffer with the line before it
    assert line.startswith("telemetry at "), line
    return line.split()[-1]


def until(found, what: str):
    """Return what a look finds, looking again while it finds nothing."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not (result := found()):
        assert time.monotonic() < give_up_s, f"never {what}"
        time.sleep(0.05)
    return result


def ticks_in(folder) -> list[TickRecord]:
    return list(Recording([folder]).ticks()) if any(folder.glob("recording-*.mcap")) else []


def act_until_recorded(client: Client, folder) -> None:
    """Ask until the recorder has written a tick: it subscribes in its own time."""
    until(lambda: client.act(OBSERVATION, deadline_s=PATIENCE_S) and ticks_in(folder), "recorded")
