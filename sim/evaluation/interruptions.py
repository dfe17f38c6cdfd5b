"""What takes the core away from a process, told apart from what the stages of its ticks cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sim.durations import Durations

_INTERRUPTED = 2.0  # times what a stage mostly takes


class Interruption(NamedTuple):
    """A spell without the core.

    Attributes:
        after_ns: From the start of the tick.
        length_ns: How long.
    """

    after_ns: int
    length_ns: int


def untangle(durations: Durations) -> tuple[Durations, Sequence[Sequence[Interruption]]]:
    """Return what the stages of every tick cost, and what interrupted them.

    A stage that took more than twice as long as it mostly does was interrupted: it costs what it mostly does, and the
    rest is a spell without the core. Where in the stage it began is not known, and drawn, always the same.

    Args:
        durations: Of T ticks.
    """
    stages = np.column_stack([durations.reference, durations.step, durations.select])
    usual = np.rint(np.median(stages, axis=0)).astype(np.int64)
    interrupted = stages > _INTERRUPTED * usual
    costs = np.where(interrupted, usual, stages)
    begins = np.cumsum(stages, axis=1) - stages
    begins += (np.random.default_rng(0).random(stages.shape) * usual).astype(np.int64)
    spells: list[list[Interruption]] = [[] for _ in range(durations.num_ticks)]
    for tick, stage in np.argwhere(interrupted):
        spells[tick].append(Interruption(int(begins[tick, stage]), int(stages[tick, stage] - usual[stage])))
    return replace(durations, reference=costs[:, 0], step=costs[:, 1:-1], select=costs[:, -1]), spells
