"""What one setting brings more than another one on the same seeds, and whether that can be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.suite.comparison import compared
from sim.suite.episode_row import Row

_SURE = 0.05  # the level of the sign test, like that of the 95 % intervals
LEAST_PAIRS = 6  # with five, all of them better, the sign test is at 2 / 2**5 = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean difference over episodes with the same seeds.

    Attributes:
        value: The difference; None where there is no pair.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
        is_rate: Whether it is one of success rates.
        num_pairs: Episodes that both have.
        better: Pairs in which the first was better.
        worse: Pairs in which it was worse.
        p_value: Of the sign test.
    """

    value: float | None
    low: float | None
    high: float | None
    is_rate: bool
    num_pairs: int
    better: int
    worse: int
    p_value: float

    @classmethod
    def between(cls, episodes: Sequence[Row], others: Sequence[Row]) -> Difference:
        """Return what episodes have more than others with the same seeds: in success where there is one."""
        found = compared(episodes, others)
        is_rate = found["success_difference"] is not None
        what = "success_difference" if is_rate else "return_difference"
        return cls(
            value=found[what],
            low=found[f"{what}_low"],
            high=found[f"{what}_high"],
            is_rate=is_rate,
            num_pairs=found["episodes"],
            better=found.get("better", 0),
            worse=found.get("worse", 0),
            p_value=found.get("p_value", 1.0),
        )

    @property
    def sign(self) -> int:
        """1 where the first is clearly better, by interval and test, -1 where it is clearly worse, else 0."""
        if self.low is None or self.high is None or self.p_value >= _SURE:
            return 0
        return (self.low > 0) - (self.high < 0)

    def __str__(self) -> str:
        """Show it as `+12 points (3 to 21)` or `-383 (-450 to -300)`."""
        if self.value is None or self.low is None or self.high is None:
            return "no pair"
        value, low, high = (_signed(number, self.is_rate) for number in (self.value, self.low, self.high))
        return f"{value}{' points' if self.is_rate else ''} ({low} to {high})"

    @property
    def chance(self) -> str:
        """The test's level in words, such as `p = 0.003`."""
        return "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"


def _signed(number: float, is_rate: bool) -> str:
    if is_rate:
        return f"{100 * number:+.0f}"
    return f"{number:+,.0f}" if abs(number) >= 100 else f"{number:+.3g}"
