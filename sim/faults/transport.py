"""Faults between robot and controller: messages that take their time, and messages that do not arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.faults.severity import Fault, NotNegative, Share
from vgf_robot.errors import ConfigError

Draw = Callable[[], int]


class PacketLoss(Fault, frozen=True, kw_only=True):
    """Messages get lost on either way.

    Attributes:
        probability: Of each message; times the severity.
    """

    probability: Share


class TransportJitter(Fault, frozen=True, kw_only=True):
    """There and back again takes its time.

    Attributes:
        distribution: Of the time for both ways together: `constant`, `uniform` (over mean - std * sqrt(3) to mean +
            std * sqrt(3)), `normal`, `gamma` (never negative, a long tail), `trace` as recorded.
        mean_ms: Its mean; times the severity.
        std_ms: Its standard deviation, likewise; not for `constant`.
        trace: JSON file with a list of milliseconds, played in its order from a place that the seed draws.
    """

    distribution: Literal["constant", "uniform", "normal", "gamma", "trace"] = "gamma"
    mean_ms: NotNegative = 0.0
    std_ms: NotNegative = 0.0
    trace: str | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: Numbers that the distribution does not use, or lacks.
        """
        traced = self.distribution == "trace"
        if traced != (self.trace is not None) or (traced and (self.mean_ms or self.std_ms)):
            raise ConfigError("transport_jitter: a trace goes with `distribution: trace`, and with no mean or std.")
        if not traced and not self.mean_ms:
            raise ConfigError("transport_jitter: expected mean_ms above 0, or a trace.")
        if (self.distribution == "constant") != (self.std_ms == 0) and not traced:
            raise ConfigError(f"transport_jitter: found std_ms {self.std_ms:g} with `{self.distribution}`; change one.")

    def draws(self, severity: float, rng: np.random.Generator) -> Draw:
        """Return a function that draws the next round trip, in nanoseconds.

        Args:
            severity: In (0, 1].
            rng: The fault's, for the episode.

        Raises:
            ConfigError: The trace is missing or no list of numbers.
        """
        draw = self._played(rng) if self.trace is not None else self._drawn(rng)
        return lambda: round(severity * max(0.0, draw()) * 1e6)

    def _drawn(self, rng: np.random.Generator) -> Callable[[], float]:
        mean, std = self.mean_ms, self.std_ms
        if self.distribution == "uniform":
            return lambda: rng.uniform(mean - std * 3**0.5, mean + std * 3**0.5)
        if self.distribution == "normal":
            return lambda: rng.normal(mean, std)
        if self.distribution == "gamma":
            return lambda: rng.gamma((mean / std) ** 2, std**2 / mean)
        return lambda: mean

    def _played(self, rng: np.random.Generator) -> Callable[[], float]:
        times_ms = self.times_ms()
        place = int(rng.integers(len(times_ms))) - 1

        def play() -> float:
            nonlocal place
            place = (place + 1) % len(times_ms)
            return float(times_ms[place])

        return play

    def times_ms(self) -> NDArray[np.float64]:
        """Return the recorded times; none where they are drawn.

        Raises:
            ConfigError: The trace is missing or no list of numbers.
        """
        if self.trace is None:
            return np.zeros(0)
        try:
            content: Any = json.loads(Path(self.trace).read_text(encoding="utf-8"))
            times = np.array(content, np.float64)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"Trace {self.trace} cannot be read ({error}); give a JSON list of milliseconds.") from (
                error
            )
        if times.ndim != 1 or not times.size or not (np.isfinite(times).all() and (times >= 0).all()):
            raise ConfigError(f"Trace {self.trace}: expected a list of finite milliseconds, 0 or more; record another.")
        return times
