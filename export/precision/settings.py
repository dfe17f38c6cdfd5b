"""Which precisions there are, and how far a low one may be from float32: the limits in one place."""

from __future__ import annotations

from typing import Final, Literal

LowPrecision = Literal["bfloat16", "float16"]
Precision = Literal["float32", "bfloat16", "float16"]

FLOAT32: Final = "float32"
PRECISIONS: tuple[Precision, ...] = (FLOAT32, "bfloat16", "float16")

SMALLEST_MEDIAN_COSINE = 0.999
SMALLEST_COSINE_P1 = 0.95
LARGEST_REGRET_P99 = 0.05
"""What choosing by the low precision's values costs in float32's, as a share of the spread of the set's values."""

PROVENANCE_KEY = "precisions_accepted_beyond_their_limits"
"""Under which a manifest's provenance names the precisions that `--accept-precision` let through."""
