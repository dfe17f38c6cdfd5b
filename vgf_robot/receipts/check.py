"""How far graphs are from those of float32 on ONNX Runtime's CPU, in what matters to a robot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Floats, Graphs, StepResult
from vgf_robot.receipts.limits import LARGEST_REGRET_P99, SMALLEST_COSINE_P1, SMALLEST_MEDIAN_COSINE

STEP_SIZE = 0.05  # of the flow whose particles are compared, in normalised action units


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionCheck:
    """One line of a precision's receipt.

    Attributes:
        quantity: What was compared.
        measured: What was found; None where nothing could be compared.
        limit: What is required, or None where the line is for the reader alone.
        rule: Which side of the limit passes.
        comparisons: How many numbers stand behind it.
    """

    quantity: str
    measured: float | None
    limit: float | None
    rule: str
    comparisons: int

    @property
    def passed(self) -> bool:
        """Whether the limit is met; a line without comparisons does not meet one."""
        if self.limit is None:
            return True
        if self.measured is None or not math.isfinite(self.measured):
            return False
        return self.measured >= self.limit if self.rule == "at least" else self.measured <= self.limit


class Probe(Protocol):
    """What steps along the value gradient alone, whatever the form."""

    def step(
        self,
        observation: Floats,
        particles: Floats,
        origin: Floats,
        first_moment: Floats,
        second_moment: Floats,
        step_index: int,
        step_size: float,
        max_distance: float,
    ) -> StepResult:
        """Move the particles one step; see `Graphs`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is compared: two precisions of one variant, on one backend or two.

    Attributes:
        low: The graphs whose receipt this is.
        full: Those in float32.
        low_probe: Steps along the value gradient of the first.
        full_probe: Likewise of the second.
    """

    low: Graphs
    full: Graphs
    low_probe: Probe
    full_probe: Probe


def check_precision(
    pair: Pair, observations: Floats, shape: tuple[int, int], num_steps: int, seed: int = 0
) -> list[PrecisionCheck]:
    """Compare two sets of graphs at reference particles and where float32 moves them.

    Args:
        pair: What is compared.
        observations: Shape (B, O), from the dataset.
        shape: N and A.
        num_steps: Steps of the flow, 1 or more.
        seed: Of the particles' noise.
    """
    generator = np.random.default_rng(seed)
    values: list[NDArray[np.float64]] = []
    cosines: list[NDArray[np.float64]] = []
    regrets: list[float] = []
    drawn: list[float] = []
    for observation in observations:
        noise = generator.standard_normal(shape, np.float32)
        origin = pair.full.reference(observation, noise).copy()
        drawn.append(float(np.abs(pair.low.reference(observation, noise) - origin).max()))
        for particles in (origin, _moved(pair.full, observation, origin, num_steps)):
            error, regret = _choice(pair, observation, particles)
            values.append(error)
            regrets.append(regret)
            cosines.append(_cosines(pair, observation, particles))
    return _lines(np.concatenate(values), np.concatenate(cosines), np.array(regrets), np.array(drawn))


def _lines(
    values: NDArray[np.float64], cosines: NDArray[np.float64], regrets: NDArray[np.float64], drawn: NDArray[np.float64]
) -> list[PrecisionCheck]:
    def line(
        quantity: str, numbers: NDArray[np.float64], quantile: float, limit: float | None = None, rule: str = "at most"
    ) -> PrecisionCheck:
        # A number that is none must not vanish in a quantile.
        fit = np.nan_to_num(numbers, nan=-math.inf if rule == "at least" else math.inf)
        measured = float(np.quantile(fit, quantile, method="nearest")) if len(fit) else None
        return PrecisionCheck(quantity=quantity, measured=measured, limit=limit, rule=rule, comparisons=len(fit))

    return [
        line("cosine of the value gradient, median", cosines, 0.5, SMALLEST_MEDIAN_COSINE, "at least"),
        line("cosine of the value gradient, 1st percentile", cosines, 0.01, SMALLEST_COSINE_P1, "at least"),
        line("regret of the choice over the spread of values, 99th percentile", regrets, 0.99, LARGEST_REGRET_P99),
        line("error of values over max(1, |value|), worst", values, 1.0),
        line("error of reference particles, worst", drawn, 1.0),
    ]


def _choice(pair: Pair, observation: Floats, particles: Floats) -> tuple[NDArray[np.float64], float]:
    """Return the relative errors of the values, (N,), and what the low precision's choice costs."""
    silent = np.zeros(len(particles), np.float32)
    expected = pair.full.select(observation, particles, silent, 1.0).values.astype(np.float64)
    chosen = pair.low.select(observation, particles, silent, 1.0)
    errors = np.abs(chosen.values - expected) / np.maximum(1.0, np.abs(expected))
    spread = float(np.ptp(expected))
    return errors, float(expected.max() - expected[chosen.index]) / spread if spread > 0.0 else 0.0


def _cosines(pair: Pair, observation: Floats, particles: Floats) -> NDArray[np.float64]:
    """Return the cosine between both precisions' gradients at each particle that has one; up to (N,)."""
    expected, found = (_gradient(probe, observation, particles) for probe in (pair.full_probe, pair.low_probe))
    length = np.linalg.norm(expected, axis=1)
    there = length > 0.0
    norms = length[there] * np.linalg.norm(found, axis=1)[there]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sum(expected * found, axis=1)[there] / norms


def _gradient(probe: Probe, observation: Floats, particles: Floats) -> NDArray[np.float64]:
    """Return the direction of a step from rest, (N, A): Adam's moment, or else the way it went."""
    rest = np.zeros_like(particles)
    result = probe.step(observation, particles, particles, rest, rest, 0, STEP_SIZE, math.inf)
    direction = result.first_moment if result.first_moment.any() else result.moved - particles
    return direction.astype(np.float64)


def _moved(graphs: Graphs, observation: Floats, origin: Floats, num_steps: int) -> Floats:
    particles, first, second = origin, np.zeros_like(origin), np.zeros_like(origin)
    for index in range(num_steps):
        result = graphs.step(observation, particles, origin, first, second, index, STEP_SIZE, math.inf)
        particles, first, second = result.moved, result.first_moment, result.second_moment
    return particles.copy()


def failures(checks: Sequence[PrecisionCheck]) -> str:
    """Return the lines beyond their limits in words; empty where there are none."""
    return "; ".join(
        f"{check.quantity}: {'nothing to compare' if check.measured is None else f'{check.measured:.4g}'}, "
        f"expected {check.rule} {check.limit:g}"
        for check in checks
        if not check.passed
    )
