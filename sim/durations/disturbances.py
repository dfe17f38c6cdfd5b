"""Machines that are disturbed in the ways real ones are, as durations to replay.

Stages take their usual time with a little noise, and what disturbs the machine comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sim.durations.durations import Durations

MS = 1_000_000
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The undisturbed machine, in milliseconds: a tick at the cap takes four fifths of its deadline."""

    period_ms: float = 8.0
    reference_ms: float = 0.9
    step_ms: float = 1.0
    max_steps: int = 5
    select_ms: float = 0.5
    noise: float = 0.02


def steady(num_ticks: int, rng: Rng, machine: Machine = Machine()) -> Durations:
    """Nothing but noise."""
    return _durations(machine, rng, np.ones(num_ticks), np.zeros((num_ticks, _stages(machine))))


def slow_down(num_ticks: int, rng: Rng, machine: Machine = Machine()) -> Durations:
    """Everything takes twice as long from half time on."""
    factor = np.where(np.arange(num_ticks) < num_ticks // 2, 1.0, 2.0)
    return _durations(machine, rng, factor, np.zeros((num_ticks, _stages(machine))))


def spikes(num_ticks: int, rng: Rng, machine: Machine = Machine()) -> Durations:
    """One stage in five hundred takes longer by a heavy-tailed time (Pareto, shape 1.5, from 0.5 ms on)."""
    shape = (num_ticks, _stages(machine))
    extra_ms = np.where(rng.random(shape) < 0.002, 0.5 * (1 + rng.pareto(1.5, shape)), 0.0)
    return _durations(machine, rng, np.ones(num_ticks), extra_ms)


def neighbour(num_ticks: int, rng: Rng, machine: Machine = Machine()) -> Durations:
    """Every 50 ticks a neighbour takes the core for 3 ms in each of 5 ticks, from a random stage on."""
    extra_ms = np.zeros((num_ticks, _stages(machine)))
    hit = np.flatnonzero(np.arange(num_ticks) % 50 < 5)
    extra_ms[hit, rng.integers(0, _stages(machine), len(hit))] = 3.0
    return _durations(machine, rng, np.ones(num_ticks), extra_ms)


def thermal_ramp(num_ticks: int, rng: Rng, machine: Machine = Machine()) -> Durations:
    """The clock rate falls slowly: everything takes 1 to 1.8 times as long."""
    return _durations(machine, rng, np.linspace(1.0, 1.8, num_ticks), np.zeros((num_ticks, _stages(machine))))


DISTURBANCES: Mapping[str, Callable[[int, Rng], Durations]] = MappingProxyType(
    {
        "steady": steady,
        "slow-down": slow_down,
        "spikes": spikes,
        "neighbour": neighbour,
        "thermal-ramp": thermal_ramp,
    }
)


def _stages(machine: Machine) -> int:
    return 2 + machine.max_steps


def _durations(machine: Machine, rng: Rng, factor: NDArray[np.float64], extra_ms: NDArray[np.float64]) -> Durations:
    """Return usual times the factor of the tick, with noise, plus the extra of each stage in its order."""
    usual_ms = np.array([machine.reference_ms, *[machine.step_ms] * machine.max_steps, machine.select_ms])
    noise = np.exp(machine.noise * rng.standard_normal(extra_ms.shape))
    stages = np.rint(MS * (usual_ms * factor[:, None] * noise + extra_ms)).astype(np.int64)
    return Durations(
        period_ns=round(MS * machine.period_ms),
        deadline_ns=round(MS * machine.period_ms),
        late=np.zeros(len(factor), np.int64),
        reference=stages[:, 0],
        step=stages[:, 1:-1],
        select=stages[:, -1],
    )
