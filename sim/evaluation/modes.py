"""The named ways of spending a control period, and the setting that each asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery, Driver
from vgf_robot.bundle import Manifest, OperatingPoint, Selection
from vgf_robot.controller import Budget

REFERENCE, BEST_OF_N, TUNED, SWEEP = "reference", "best-of-n", "tuned", "sweep"
FIXED_0, FIXED_CAP, ADAPTIVE = "fixed-0", "fixed-cap", "adaptive"
_BEST_OF = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one row of the result was run at; equal settings are run once.

    Attributes:
        num_particles: N.
        max_steps: Transport steps L.
        step_size: Size of one step, in normalised action units; None where there is no step.
        selection: How one particle is chosen; None where there is only one.
        min_gain: A further step is left out once one has gained less value; None takes all.
    """

    num_particles: int
    max_steps: int
    step_size: float | None
    selection: Selection | None
    min_gain: float | None = None

    @classmethod
    def of(
        cls, num_particles: int, max_steps: int, step_size: float, selection: Selection, min_gain: float | None = None
    ) -> Setting:
        """Return the setting without what it does not depend on, so that equal behaviour is equal."""
        return cls(
            num_particles=num_particles,
            max_steps=max_steps,
            step_size=step_size if max_steps > 0 else None,
            min_gain=min_gain if max_steps > 1 else None,
            selection=selection if num_particles > 1 else None,
        )

    @classmethod
    def at(cls, point: OperatingPoint) -> Setting:
        """Return the setting of an operating point."""
        return cls.of(point.num_particles, point.max_steps, point.step_size, point.selection, point.min_gain)

    def budget(self) -> Budget:
        """Return the request that asks for this setting."""
        return Budget(
            num_particles=self.num_particles,
            max_steps=self.max_steps,
            step_size=self.step_size,
            min_gain=self.min_gain,
            selection=self.selection,
        )


Way = tuple[Setting, bool]
"""A setting and whether the deadline is kept: equal ways are run once, whatever their rows are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One row of the result.

    Attributes:
        name: As the row names it.
        setting: What each request may spend.
        keeps_deadline: Whether the controller is told the deadline; misses are counted against it either way.
    """

    name: str
    setting: Setting
    keeps_deadline: bool = True

    @property
    def way(self) -> Way:
        """What its episodes are run at."""
        return self.setting, self.keeps_deadline


def waiting_modes(manifest: Manifest) -> tuple[Mode, ...]:
    """Return the modes for a plant that waits; a bundle without several particles has no best of them.

    Two modes may share a setting, a tuned cap of 0 for example: both are there.
    """
    point, counts = manifest.operating_point, manifest.particle_counts
    best_of = _BEST_OF if _BEST_OF in counts else counts[-1]
    settings: dict[str, Setting] = {}
    if 1 in counts:
        settings[REFERENCE] = Setting.of(1, 0, point.step_size, point.selection)
    if best_of > 1:
        settings[BEST_OF_N] = Setting.of(best_of, 0, point.step_size, "argmax")
    settings[TUNED] = Setting.at(point)
    return tuple(Mode(name=name, setting=setting) for name, setting in settings.items())


def deadline_modes(manifest: Manifest) -> tuple[Mode, ...]:
    """Return the modes for a plant that does not wait: what the deadline costs, between no step and every step.

    `fixed-0` takes no step: its miss rate is the floor, which no budget can go below. `fixed-cap` takes every step
    whatever the time. `adaptive` is told the deadline and takes the steps that fit.
    """
    point = manifest.operating_point
    none = Setting.of(point.num_particles, 0, point.step_size, point.selection)
    cap = Setting.at(point)
    return (
        Mode(name=FIXED_0, setting=none),
        Mode(name=FIXED_CAP, setting=cap, keeps_deadline=False),
        Mode(name=ADAPTIVE, setting=cap),
    )


@final
class IgnoringDeadline:
    """A `Driver` that takes every step of the budget whatever the time: what a fixed number of steps does."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode."""
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action and wait for it; the loop still counts what comes after its deadline as a miss."""
        return self._driver.act(observation, budget, None)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()
