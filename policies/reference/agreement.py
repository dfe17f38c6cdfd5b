"""How far another way of drawing particles is from the one that it stands in for."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from policies.shapes import Particles


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Euclidean distances of particles, in normalised action units.

    Attributes:
        median: Between the two particles of one noise.
        p99: Likewise, the 99th percentile.
        apart: Between two particles of one state, of different noise: the median, as a measure for the others.
    """

    median: float
    p99: float
    apart: float


def agreement(found: Particles, expected: Particles) -> Agreement:
    """Return how far particles are from others of the same noise.

    Args:
        found: Shape (B, N, A), N of 2 or more.
        expected: Same shape; its rows of one state are also compared with each other.
    """
    distance = (found - expected).norm(dim=-1).flatten()
    apart = (expected - expected.roll(1, dims=-2)).norm(dim=-1).flatten()
    median, p99 = (float(torch.quantile(distance, share)) for share in (0.5, 0.99))
    return Agreement(median=median, p99=p99, apart=float(apart.median()))
