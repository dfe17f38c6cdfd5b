"""Load: the cores that there are, and a process on each that does nothing but compute."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Its own little program and not a fork: it holds none of our sockets and files. It looks now and then whether the one
# who started it still lives, so that even a demo that was killed leaves nothing running.
_SPIN = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
parent = int(sys.argv[2])
os.write(1, b".")
number = 1
while os.getppid() == parent:
    for _ in range(200_000):
        number = number * 1103515245 + 12345 & 0x7FFFFFFF
"""


def usable_cores() -> list[int]:
    """Return the numbers of the cores; what the system does not tell is counted from 0."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def busy_processes(cores: Sequence[int]) -> Iterator[list[int]]:
    """Keep cores busy for as long as the context lasts.

    Args:
        cores: Each gets a process of its own, bound to it.

    Yields:
        The process ids, once all of them compute.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for core in cores:
            processes.append(_start(core))
        for process in processes:
            _wait_until_spinning(process)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _start(core: int) -> subprocess.Popen[bytes]:
    # A session of its own: an interrupt from the keyboard reaches the demo, and the demo ends its load.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SPIN, str(core), str(os.getpid())],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_until_spinning(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.read(1)
