"""The paper-scale policy of random weights: a known amount of work where the shipped one is too fast to miss."""

from __future__ import annotations

from pathlib import Path
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sim.demo.driving import DEADLINE_SHARE, Through, opened_driver
from sim.evaluation.lock_step import run_lock_step
from sim.evaluation.modes import FIXED_CAP, deadline_modes
from sim.plants import Transition
from vgf_robot.bundle import Bundle, Manifest, write_manifest

DEADLINE_FACTOR = 1.25


@final
class NoPlant:
    """A `Plant` of observations drawn from the training range; nothing moves and nothing is rewarded."""

    def __init__(self, manifest: Manifest, num_periods: int) -> None:
        self.environment_id = manifest.environment
        self.control_period_s = manifest.control_period_s
        self.observation_size = manifest.observation_size
        self.action_size = manifest.action_size
        self.action_low = _bounds(manifest, "action", "low")
        self.action_high = _bounds(manifest, "action", "high")
        self._low = _bounds(manifest, "observation", "low")
        self._high = _bounds(manifest, "observation", "high")
        self._num_periods = num_periods
        self._left = 0
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Begin an episode."""
        self._rng, self._left = np.random.default_rng(seed), self._num_periods
        return self._observation()

    def apply(self, action: NDArray[np.float32]) -> Transition:
        """Let one control period pass."""
        self._left -= 1
        return Transition(observation=self._observation(), reward=0.0, success=None, done=self._left <= 0)

    def render(self) -> NDArray[np.uint8] | None:
        """There is nothing to see."""
        return None

    def close(self) -> None:
        """Nothing is held."""

    def _observation(self) -> NDArray[np.float32]:
        return self._rng.uniform(self._low, self._high).astype(np.float32)


def timed_by_this_machine(bundle: Bundle, folder: Path, num_ticks: int, through: Through) -> Bundle:
    """Write the bundle anew with a period whose deadline is 1.25 times what a whole tick takes at p99 when idle.

    A policy without a task has no period of its own; this one asks the same of every machine.

    Args:
        bundle: The synthetic one.
        folder: Where it lies; its manifest is sealed again.
        num_ticks: Ticks of all steps that are measured.
        through: Where the controller runs, now as later under load.
    """
    mode = next(mode for mode in deadline_modes(bundle.manifest) if mode.name == FIXED_CAP)
    with opened_driver(bundle, through) as driver:
        episode = run_lock_step(NoPlant(bundle.manifest, num_ticks), driver, mode.setting.budget(), (0, 0))
    samples_ms = episode.latencies_ms.get("round_trip") or episode.latencies_ms["tick"]
    period_s = DEADLINE_FACTOR * float(np.quantile(samples_ms, 0.99)) / 1e3 / DEADLINE_SHARE
    return write_manifest(folder, msgspec.structs.replace(bundle.manifest, control_period_s=period_s))


def _bounds(manifest: Manifest, vector: str, side: str) -> NDArray[np.float32]:
    fields = manifest.action if vector == "action" else manifest.observation
    return np.array([value for field in fields for value in getattr(field, side)], dtype=np.float32)
