"""How far another precision, or another backend, may be from float32 on ONNX Runtime's CPU: the limits in one place."""

from __future__ import annotations

SMALLEST_MEDIAN_COSINE = 0.999
SMALLEST_COSINE_P1 = 0.95
LARGEST_REGRET_P99 = 0.05
"""What choosing by the other one's values costs in float32's, as a share of the spread of the set's values."""

SMALLEST_SUCCESS_DIFFERENCE = -0.05
"""Lower 95 % bound of the difference of success rates in the closed loop, on the same episodes."""

SMALLEST_RETURN_DIFFERENCE = -0.05
"""Likewise of returns, as a share of the mean one, where a task knows no success."""

ACCEPTED = "precisions_accepted_beyond_their_limits"
"""Under which a manifest's provenance names the precisions that `export --accept-precision` let through."""
