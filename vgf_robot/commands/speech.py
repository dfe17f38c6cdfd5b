"""What a verb that runs for long says while it does."""

from __future__ import annotations

import os
import select
import sys


def say(line: str) -> None:
    """Print a line unless that would wait or fail: a pipe that nobody empties must not stop the robot."""
    if not select.select([], [sys.stdout], [], 0)[1]:
        return
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Nobody will read any more; without this, Python would fail again when it leaves.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
