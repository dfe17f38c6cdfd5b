"""One line of the parity receipt, and the limits in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

VALUE_LIMIT = 1e-5  # times max(1, max |Q|)
PARTICLE_LIMIT = 1e-5
LARGEST_EXCLUDED_SHARE = 0.1  # a check that leaves out more than this says nothing
GRADIENT_LIMIT = 1e-3  # of phi against finite differences, relative to its largest entry

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the receipt.

    Attributes:
        quantity: What was compared.
        worst: The largest error seen; for `chosen index` the number of disagreements.
        limit: The largest error allowed.
        comparisons: How many numbers were compared.
        excluded: How many were left out because rounding alone decides them.
    """

    quantity: str
    worst: float
    limit: float
    comparisons: int
    excluded: int = 0

    @property
    def enough(self) -> bool:
        """Whether so much was compared that the worst error means something."""
        share = LARGEST_EXCLUDED_SHARE * (self.comparisons + self.excluded)
        return self.comparisons > 0 and self.excluded <= share

    @property
    def passed(self) -> bool:
        """Whether enough was compared and the worst error is within the limit."""
        return self.enough and self.worst <= self.limit

    def in_words(self) -> str:
        """Return what was found, and what was too little to say so."""
        found = f"{self.quantity}: worst {self.worst:.2e}, limit {self.limit:.2e}, {self.comparisons} compared"
        if self.enough:
            return found
        share = f"{LARGEST_EXCLUDED_SHARE:.0%}"
        return f"{found}, too few: {self.excluded} left out as rounding alone decides them, expected at most {share}"


def worst_of(quantity: str, errors: Sequence[Array], limit: float, excluded: int = 0) -> Check:
    """Return the line for a list of arrays of absolute errors; a NaN counts as infinite, not as unseen."""
    flat = np.concatenate([np.asarray(error).ravel() for error in errors]) if errors else np.empty(0)
    worst = float(flat.max(initial=0.0)) if np.isfinite(flat).all() else math.inf
    return Check(quantity=quantity, worst=worst, limit=limit, comparisons=flat.size, excluded=excluded)


def value_limit(values: Tensor | Array) -> float:
    """Return the limit on errors of values: 1e-5 * max(1, max |Q|)."""
    return VALUE_LIMIT * max(1.0, float(abs(values).max()))


def array(tensor: Tensor) -> Array:
    """Return a tensor as the contiguous array that a backend takes."""
    return np.ascontiguousarray(tensor.detach().numpy())
