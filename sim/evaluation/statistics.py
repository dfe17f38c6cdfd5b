"""How sure a success rate or a mean return is, from the episodes there were."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
_RESAMPLES = 4000
_BOOTSTRAP_SEED = 0  # fixed: the same episodes give the same interval


def wilson_interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a success rate.

    Unlike mean +- standard error it stays inside [0, 1] and does not shrink to a point at 0 or all successes.

    Args:
        successes: Number of episodes that succeeded, 0 to `episodes`.
        episodes: Number of episodes, at least 1.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    rate = successes / episodes
    spread = _Z_95**2 / episodes
    centre = (rate + spread / 2) / (1 + spread)
    half = _Z_95 * math.sqrt(rate * (1 - rate) / episodes + spread / (4 * episodes)) / (1 + spread)
    # At 0 and all successes the bounds are exact; rounding would put them a hair outside.
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == episodes else centre + half)


def mean_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of a mean; returns are seldom normal.

    Args:
        values: Shape (episodes,), at least one.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    means = sample[rng.integers(0, sample.size, (_RESAMPLES, sample.size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
