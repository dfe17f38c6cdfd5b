"""Faults of the machine that the controller runs on: others who want its cores, and a server that begins anew."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import numpy as np

from sim.busy import Spells, busy_processes, usable_cores
from sim.evaluation.real_time import Clock
from sim.evaluation.simulated_clock import SimulatedClock
from sim.faults.severity import Fault, NotNegative, Positive, Share, fault_generator
from vgf_robot.errors import ConfigError

_NUM_SPELLS = 1000  # drawn once an episode; then they come again


class CpuContention(Fault, frozen=True, kw_only=True):
    """Other programs compute on the cores, in spells.

    In real time that is a process on every core that this one may use. Where latency is charged, what the controller
    computes takes `slow_down` times as long in such a spell. Both have the same spells from the same seed.

    Attributes:
        share: Of the spells that are busy; times the severity.
        slow_down: How many times as long computing takes in a busy spell, where latency is charged: 2 on a core that is
            shared with one other program.
        spell_ms: Length of a spell.
    """

    share: Share = 1.0
    slow_down: Annotated[float, msgspec.Meta(ge=1)] = 2.0
    spell_ms: Annotated[float, msgspec.Meta(ge=0.1, le=60_000)] = 20.0

    def spells(self, severity: float, rng: np.random.Generator) -> Spells:
        """Return when the cores are busy: at a lower severity in fewer of the same spells.

        Args:
            severity: In (0, 1].
            rng: The fault's, for the episode.
        """
        busy = rng.random(_NUM_SPELLS) < severity * self.share
        return Spells(busy=tuple(busy.tolist()), length_ns=round(self.spell_ms * 1e6))


class ServerRestart(Fault, frozen=True, kw_only=True):
    """The controller breaks down and begins anew: its particles, its noise and what it has learned are lost.

    A server of this evaluation is killed and started again, and its client finds it again. In process the controller is
    made anew. Either takes its start and warm-up on top of `down_s`; what is charged on a clock of the simulation is
    the warm-up.

    Attributes:
        every_s: From one break-down to the next; the seed draws when the first one comes, within this time.
        down_s: How long nothing is there that could be started; times the severity.
    """

    every_s: Positive
    down_s: NotNegative = 0.0

    def __post_init__(self) -> None:
        """Refuse a server that is never there.

        Raises:
            ConfigError: It is down for longer than it takes to the next break-down.
        """
        if self.down_s >= self.every_s:
            raise ConfigError(
                f"server_restart: expected down_s below every_s, found {self.down_s:g} and {self.every_s:g}; "
                "such a server is never there."
            )

    def moments_ns(self, rng: np.random.Generator) -> Iterator[int]:
        """Yield when the controller breaks down, counted from the episode's beginning.

        Args:
            rng: The fault's, for the episode.
        """
        first_ns, every_ns = rng.random() * self.every_s * 1e9, self.every_s * 1e9
        count = 0
        while True:
            yield round(first_ns + count * every_ns)
            count += 1


@contextmanager
def contended(clock: Clock, fault: CpuContention | None, severity: float, seed: int) -> Generator[None]:
    """Have the cores busy for as long as the context lasts.

    Args:
        clock: Of the episode; one of the simulation stretches what is charged, beside any other processes compute.
        fault: None for idle cores.
        severity: At 0 they are idle, too.
        seed: The episode's.
    """
    if fault is None or severity == 0:
        yield
        return
    spells = fault.spells(severity, fault_generator(seed, fault))
    if isinstance(clock, SimulatedClock):
        with clock.contended(spells, fault.slow_down):
            yield
    else:
        with busy_processes(usable_cores(), spells):
            yield
