"""Load: the cores that there are, and a process on each that does nothing but compute, all the time or in spells."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# Its own little program and not a fork: it holds none of our sockets and files. It looks now and then whether the one
# who started it still lives, so that even a demo that was killed leaves nothing running.
_SPIN = """
import os, sys, time
core, parent, began_ns, length_ns = map(int, sys.argv[1:5])
busy = sys.argv[5]
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {core})
os.write(1, b".")
number = 1
while os.getppid() == parent:
    spell, passed_ns = divmod(time.monotonic_ns() - began_ns, length_ns)
    if busy[spell % len(busy)] == "0":
        time.sleep((length_ns - passed_ns) / 1e9)
        continue
    for _ in range(2_000):
        number = number * 1103515245 + 12345 & 0x7FFFFFFF
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spells:
    """When cores are busy: spells of equal length, one after the other and from the last to the first again.

    Attributes:
        busy: Whether each is a busy one; at least one.
        length_ns: Of each, above 0.
    """

    busy: tuple[bool, ...]
    length_ns: int

    def stretched_ns(self, passed_ns: int, duration_ns: int, slow_down: float) -> int:
        """Return how long a computation takes that takes so many times as long in a busy spell.

        Args:
            passed_ns: Since the first spell began, when the computation begins; 0 or more.
            duration_ns: What it takes on an idle core.
            slow_down: How many times as long it takes on a busy one, 1 or more.
        """
        now_ns, left_ns = passed_ns, float(duration_ns)
        while True:
            spell, into_ns = divmod(now_ns, self.length_ns)
            factor = slow_down if self.busy[spell % len(self.busy)] else 1.0
            to_go_ns = self.length_ns - into_ns
            if left_ns * factor <= to_go_ns:
                return round(now_ns + left_ns * factor) - passed_ns
            left_ns -= to_go_ns / factor
            now_ns += to_go_ns


ALWAYS = Spells(busy=(True,), length_ns=1_000_000_000)


def usable_cores() -> list[int]:
    """Return the numbers of the cores; what the system does not tell is counted from 0."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def busy_processes(cores: Sequence[int], spells: Spells = ALWAYS) -> Iterator[list[int]]:
    """Keep cores busy for as long as the context lasts.

    Args:
        cores: Each gets a process of its own, bound to it.
        spells: When they compute, all at the same time; the first spell begins now.

    Yields:
        The process ids, once all of them run.
    """
    processes: list[subprocess.Popen[bytes]] = []
    began_ns = time.monotonic_ns()
    try:
        for core in cores:
            processes.append(_start(core, began_ns, spells))
        for process in processes:
            _wait_until_running(process)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _start(core: int, began_ns: int, spells: Spells) -> subprocess.Popen[bytes]:
    busy = "".join("01"[spell] for spell in spells.busy)
    arguments = (core, os.getpid(), began_ns, spells.length_ns, busy)
    # A session of its own: an interrupt from the keyboard reaches the demo, and the demo ends its load.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SPIN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_until_running(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.read(1)
