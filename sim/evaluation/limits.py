"""Limits that the user sets: met or not, after the work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.evaluation.sweep import TUNED
from vgf_robot.errors import ConfigError, LimitError

Row = Mapping[str, Any]


def require_limits(rows: Sequence[Row], min_success: float | None, max_miss_rate: float | None) -> None:
    """Check the tuned row, or every row where there is none.

    Args:
        rows: The result.
        min_success: Success rate to reach, or None.
        max_miss_rate: Miss rate not to pass, or None.

    Raises:
        LimitError: The first limit that was not met.
        ConfigError: A success rate is asked of a task that has none.
    """
    judged = [row for row in rows if row["mode"] == TUNED] or rows
    for row in judged:
        where = f"{row['mode']} (N {row['num_particles']}, {row['max_steps']} steps)"
        if min_success is not None and row["success_rate"] is None:
            raise ConfigError(f"--min-success: '{row['task']}' gives returns and no success; leave the limit out.")
        if min_success is not None and row["success_rate"] < min_success:
            raise LimitError(f"{where}: success rate {row['success_rate']:.3g}, expected at least {min_success:g}.")
        if max_miss_rate is not None and row["miss_rate"] > max_miss_rate:
            raise LimitError(f"{where}: miss rate {row['miss_rate']:.3g}, expected at most {max_miss_rate:g}.")
