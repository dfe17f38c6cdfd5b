"""A score with its 95 % interval, as a reader sees it, and how scores of several trainings become one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUCCESS_KEYS = ("success_rate", "success_low", "success_high")
RETURN_KEYS = ("return_mean", "return_low", "return_high")
# Student's t at 97.5 % for 1 to 20 degrees of freedom; beyond, the last one errs on the wide side.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_T_95 += (2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)
_WHOLE = 100  # from here on a return is shown without decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A success rate in [0, 1] or a mean return, with its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the 95 % interval, None where it is not known.
        high: Upper end.
        is_rate: Whether it is a success rate.
    """

    value: float
    low: float | None
    high: float | None
    is_rate: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Score | None:
        """Return the score of a row, by success where the task knows it; None where the row has none."""
        for keys, is_rate in ((SUCCESS_KEYS, True), (RETURN_KEYS, False)):
            value, low, high = (row.get(key) for key in keys)
            if value is not None:
                return cls(value=value, low=low, high=high, is_rate=is_rate)
        return None

    def __str__(self) -> str:
        """Show it as `92 % (85 to 96)` or `2,857 (2,706 to 2,994)`."""
        text = f"{self._shown(self.value)} %" if self.is_rate else self._shown(self.value)
        if self.low is None or self.high is None:
            return text
        return f"{text} ({self._shown(self.low)} to {self._shown(self.high)})"

    def _shown(self, value: float) -> str:
        if self.is_rate:
            return f"{100 * value:.0f}"
        return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.3g}"


def over_trainings(scores: Sequence[Score]) -> Score:
    """Return the mean over training seeds with Student's 95 % interval; a single one keeps that of its episodes.

    Trainings that happen to agree, all at 100 % for example, do not make their episodes surer: the interval is at least
    as wide as theirs are in the mean.

    Args:
        scores: At least one; rates or returns, not both.
    """
    if len(scores) == 1:
        return scores[0]
    count, is_rate = len(scores), scores[0].is_rate
    mean = sum(score.value for score in scores) / count
    variance = sum((score.value - mean) ** 2 for score in scores) / (count - 1)
    half = _T_95[min(count - 1, len(_T_95)) - 1] * math.sqrt(variance / count)
    low, high = mean - half, mean + half
    ends = [(score.low, score.high) for score in scores if score.low is not None and score.high is not None]
    if len(ends) == count:
        low = min(low, sum(end[0] for end in ends) / count)
        high = max(high, sum(end[1] for end in ends) / count)
    if is_rate:
        low, high = max(0.0, low), min(1.0, high)
    return Score(value=mean, low=low, high=high, is_rate=is_rate)
