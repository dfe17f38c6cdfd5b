"""Faults of what the robot observes: each makes, for one episode, a function from an observation to a worse one.

A random draw is made in the same order at every severity: what a fault does at 0.3 is a part of what it does at 0.6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sim.faults.severity import Fault, NotNegative, Positive, Share
from vgf_robot.errors import ConfigError

Floats = NDArray[np.float32]
Effect = Callable[[Floats], Floats]
Entries = tuple[Annotated[int, msgspec.Meta(ge=0)], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What is known of the observations.

    Attributes:
        span: Shape (O,), float32, largest minus smallest value of each entry in training, in the robot's units.
        period_s: Between two observations.
    """

    span: Floats
    period_s: float


class ObservationFault(Fault, frozen=True, kw_only=True):
    """Base of the faults of observations."""

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return what becomes of the observations of one episode, the first of which comes from its reset.

        Args:
            severity: In (0, 1].
            senses: Of the robot.
            rng: The fault's, for the episode.
        """
        raise NotImplementedError


class EntryFault(ObservationFault, frozen=True, kw_only=True):
    """Base of the faults of some entries of the vector.

    Attributes:
        entries: Which ones; left out for all.
    """

    entries: Entries = ()

    def chosen(self, size: int) -> NDArray[np.bool_]:
        """Return which entries have the fault, shape (O,).

        Raises:
            ConfigError: There is no such entry.
        """
        if any(entry >= size for entry in self.entries):
            raise ConfigError(
                f"{type(self).__name__}: expected entries of the observation from 0 to {size - 1}, found "
                f"{max(self.entries)}."
            )
        mask = np.full(size, not self.entries)
        mask[list(self.entries)] = True
        return mask


class ObservationBias(EntryFault, frozen=True, kw_only=True):
    """Each entry is off by a constant, drawn for the episode.

    Attributes:
        size: The largest one, as a share of the entry's range in training.
    """

    size: Positive

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return the effect."""
        largest = severity * self.size * senses.span * self.chosen(senses.span.size)
        bias = (largest * rng.uniform(-1, 1, largest.size)).astype(np.float32)
        return lambda observation: observation + bias


class ObservationNoise(EntryFault, frozen=True, kw_only=True):
    """Normal noise, anew in every period.

    Attributes:
        std: Its standard deviation, as a share of the entry's range in training.
    """

    std: Positive

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return the effect."""
        std = severity * self.std * senses.span * self.chosen(senses.span.size)
        return lambda observation: observation + (std * rng.standard_normal(std.size)).astype(np.float32)


class StuckSensor(EntryFault, frozen=True, kw_only=True):
    """Entries keep the value that they have when they get stuck.

    Attributes:
        share: Share of the entries that get stuck, on average.
        after_s: When, from the beginning of the episode.
    """

    share: Share = 1.0
    after_s: NotNegative = 0.0

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return the effect."""
        stuck = (rng.random(senses.span.size) < severity * self.share) & self.chosen(senses.span.size)
        left = round(self.after_s / senses.period_s)
        kept: Floats | None = None

        def apply(observation: Floats) -> Floats:
            nonlocal left, kept
            if left > 0:
                left -= 1
                return observation
            kept = observation if kept is None else kept
            return np.where(stuck, kept, observation)

        return apply


class DropOut(EntryFault, frozen=True, kw_only=True):
    """Values do not arrive in some periods.

    Attributes:
        probability: Of each.
        together: Whether all entries go missing in the same periods, as a lost message; else each by itself.
        leaves: What stands in their place: the `last` that arrived, `zero`, or `nan`.
    """

    probability: Share
    together: bool = True
    leaves: Literal["last", "zero", "nan"] = "last"

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return the effect."""
        chosen, last = self.chosen(senses.span.size), np.zeros(senses.span.size, np.float32)
        known = False

        def apply(observation: Floats) -> Floats:
            nonlocal last, known
            draws = rng.random(1 if self.together else chosen.size)
            missing = (draws < severity * self.probability) & chosen & known  # the first one always arrives
            stand_in = {"last": last, "zero": np.float32(0), "nan": np.float32(np.nan)}[self.leaves]
            last, known = np.where(missing, last, observation), True
            return np.where(missing, stand_in, observation)

        return apply


class ObservationDelay(ObservationFault, frozen=True, kw_only=True):
    """Observations come late; the first one stands in for those before it.

    Attributes:
        periods: How many control periods late; times the severity, rounded to whole ones.
    """

    periods: Annotated[int, msgspec.Meta(ge=1)]

    def effect(self, severity: float, senses: Senses, rng: np.random.Generator) -> Effect:
        """Return the effect."""
        del senses, rng
        line: deque[Floats] = deque(maxlen=int(severity * self.periods + 0.5) + 1)

        def apply(observation: Floats) -> Floats:
            line.append(observation)
            return line[0]

        return apply
