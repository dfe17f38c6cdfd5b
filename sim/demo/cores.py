"""The cores that this process may use."""

from __future__ import annotations

import os


def usable_cores() -> list[int]:
    """Return the numbers of the cores; what the system does not tell is counted from 0."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
