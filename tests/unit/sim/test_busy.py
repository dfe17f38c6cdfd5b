from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.busy import Spells, busy_processes, usable_cores


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.realtime
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_none_is_left_whatever_happens(error: type[BaseException] | None) -> None:
    seen: list[int] = []
    try:
        with busy_processes(usable_cores()[:2]) as pids:
            seen.extend(pids)
            assert all(alive(pid) for pid in pids)
            if error is not None:
                raise error
    except (KeyboardInterrupt, RuntimeError):
        assert error is not None
    assert len(seen) == len(usable_cores()[:2])
    assert not any(alive(pid) for pid in seen)


@pytest.mark.realtime
def test_they_end_by_themselves_when_whoever_started_them_was_killed() -> None:
    script = (
        "import time\nfrom sim.busy import busy_processes\n"
        f"with busy_processes([{usable_cores()[0]}]) as pids:\n    print(pids[0], flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(200):
        if not running(pid):
            break
        time.sleep(0.05)
    assert not running(pid)


def running(pid: int) -> bool:
    """Whether it computes; an orphan may stay a zombie where nobody collects it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.mark.realtime
def test_between_busy_spells_they_sleep() -> None:
    core, never = usable_cores()[0], Spells(busy=(False, False), length_ns=10_000_000)
    with busy_processes([core], never) as (idle,), busy_processes([core]) as (busy,):
        for _ in range(600):
            if used_ticks(busy) >= 20:
                break
            time.sleep(0.05)
        assert used_ticks(busy) >= 20
        assert used_ticks(idle) < 10


def used_ticks(pid: int) -> int:
    """The processor time that a process has used, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_no_core_is_no_load() -> None:
    with busy_processes(()) as pids:
        assert pids == []
