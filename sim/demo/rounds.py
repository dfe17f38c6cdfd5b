"""The compared modes in turn, round after round on the same episodes, so that a drift of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sim.busy import busy_processes
from sim.demo.trace import Trace, Traced
from sim.evaluation.driver import Driver
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.modes import ADAPTIVE, IgnoringDeadline, Mode, deadline_modes
from sim.evaluation.real_time import RealTime, run_real_time
from sim.plants import Plant
from vgf_robot.bundle import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One row of the comparison.

    Attributes:
        mode: What is run.
        loaded: Whether every core has a busy process meanwhile.
    """

    mode: Mode
    loaded: bool

    @property
    def label(self) -> str:
        """The name for people: the one row of the idle machine says so."""
        return self.mode.name if self.loaded else f"{self.mode.name}, idle"


def turns(manifest: Manifest) -> tuple[Turn, ...]:
    """Return the three modes under load, and the adaptive one on the idle machine for its return.

    Args:
        manifest: Gives the sealed setting; its cap is the number of steps that `fixed-cap` always takes.
    """
    modes = deadline_modes(manifest)
    idle = [Turn(mode=mode, loaded=False) for mode in modes if mode.name == ADAPTIVE]
    return (*(Turn(mode=mode, loaded=True) for mode in modes), *idle)


@dataclass(slots=True)
class Run:
    """What one mode brought over all rounds."""

    turn: Turn
    episodes: list[Episode] = field(default_factory=list[Episode])
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where the rounds are run.

    Attributes:
        plant: What is controlled.
        drivers: Who controls it in each turn, by its label. Each turn has its own, as it would have on a robot: what a
            controller learns of its costs on the idle machine, or while it ignores deadlines, misleads another.
        timing: The bundle's period, and the deadline in it.
        cores: Each has a busy process while a loaded mode runs.
        seed: The episodes follow from it.
    """

    plant: Plant
    drivers: Mapping[str, Driver]
    timing: RealTime
    cores: Sequence[int]
    seed: int


def run_rounds(
    stand: Stand, order: Sequence[Turn], budget_s: float, min_rounds: int, report: Callable[[str], None]
) -> list[Run]:
    """Run rounds until another one would not fit into the time.

    Args:
        stand: Plant and driver.
        order: The turns of a round.
        budget_s: Time for all rounds together.
        min_rounds: Rounds that are run even if they take longer.
        report: Told in words how far it is, between episodes only.

    Returns:
        One run per turn, each with one episode per round.
    """
    runs = [Run(turn) for turn in order]
    began_s, longest_s, index = time.monotonic(), 0.0, 0
    while index < min_rounds or time.monotonic() - began_s + longest_s < budget_s:
        round_began_s = time.monotonic()
        _run_round(stand, runs, index, report)
        longest_s = max(longest_s, time.monotonic() - round_began_s)
        index += 1
    return runs


def _run_round(stand: Stand, runs: Iterable[Run], index: int, report: Callable[[str], None]) -> None:
    for loaded, group in groupby(runs, key=lambda run: run.turn.loaded):
        with busy_processes(stand.cores if loaded else ()):
            for run in group:
                report(f"round {index + 1}, {run.turn.label}")
                run.episodes.append(_run_episode(stand, run, index))


def _run_episode(stand: Stand, run: Run, index: int) -> Episode:
    own = stand.drivers[run.turn.label]
    driver = own if run.turn.mode.keeps_deadline else IgnoringDeadline(own)
    # Outside the other wrapper: the trace compares with the deadline that the controller may not have been told.
    traced = Traced(driver, run.trace, stand.timing.clock)
    budget = run.turn.mode.setting.budget()
    traced.prepare(budget)
    return run_real_time(stand.plant, traced, budget, episode_seeds(stand.seed, index), stand.timing)
