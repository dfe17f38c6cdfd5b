"""Durations of a loop that may run for weeks, in memory that does not grow."""

from __future__ import annotations

from typing import final

# Buckets per doubling: none is wider than a thirty-second of what it holds.
_BITS = 5
_BUCKETS = 1 << _BITS
_LARGEST_NS = 2**44 - 1  # five hours
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@final
class Histogram:
    """Counts durations in buckets that widen with them; quantiles are right to 3 %, rounded up, the maximum exactly."""

    def __init__(self) -> None:
        self._counts = [0] * (_bucket(_LARGEST_NS) + 1)
        self._num = 0
        self._max_ns = 0

    def record(self, duration_ns: int) -> None:
        """Count a duration; a negative one counts as 0."""
        duration_ns = max(0, duration_ns)
        self._counts[_bucket(min(duration_ns, _LARGEST_NS))] += 1
        self._num += 1
        self._max_ns = max(self._max_ns, duration_ns)

    def quantile_ns(self, share: float) -> int:
        """Return what this share of the durations do not exceed; 0 where there is none.

        Args:
            share: In (0, 1].
        """
        left = share * self._num
        for bucket, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return min(_upper_ns(bucket), self._max_ns)
        return self._max_ns

    def summary_ms(self) -> dict[str, float] | None:
        """Return p50, p95, p99, p999 and max in milliseconds, or None where there is no duration."""
        if not self._num:
            return None
        quantiles = {name: self.quantile_ns(share) / 1e6 for name, share in _QUANTILES.items()}
        return {**quantiles, "max": self._max_ns / 1e6}


def _bucket(duration_ns: int) -> int:
    shift = max(0, duration_ns.bit_length() - _BITS - 1)
    return shift * _BUCKETS + (duration_ns >> shift)


def _upper_ns(bucket: int) -> int:
    shift = max(0, bucket // _BUCKETS - 1)
    return ((bucket - shift * _BUCKETS + 1) << shift) - 1
