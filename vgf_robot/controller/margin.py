"""The time kept free before a deadline, learned from the deadlines that transport steps have cost."""

from __future__ import annotations

import msgspec


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """Time that has to be left, beyond a step and the selection at their usual costs, for the step to be started.

    Every avoidable miss raises it by `rise_ns`, every other tick lowers it by the small share of that which makes both
    balance at `miss_rate`. As a miss needs a step, and a step needs this much time, the margin never exceeds the
    longest deadline by more than one rise. Therefore, whatever the durations are, the avoidable misses of T ticks are
    at most miss_rate * T + (longest deadline + rise_ns) / rise_ns.

    A tick counts once, however many periods it has eaten: a machine that stood still for a hundred of them has not said
    a hundred times that there was too little room for a step, and would be without steps for minutes if it had.

    Attributes:
        ns: The margin in nanoseconds, 0 or more.
        rise_ns: How much one avoidable miss adds, in nanoseconds.
        miss_rate: Share of ticks that may miss their deadline through transport, 0 to 1.

    Source:
        Online tracking of a threshold by the sign of its errors: Gibbs and Candes, Adaptive conformal inference under
        distribution shift, 2021, equation 2; the bound: Angelopoulos, Candes and Tibshirani, Conformal PID control for
        time series prediction, 2023, proposition 1. Deviation: clipped at 0, which only lowers the rate of misses.
    """

    ns: float
    rise_ns: float
    miss_rate: float

    def after(self, *, avoidable_miss: bool) -> Margin:
        """Return the margin after a tick that was free to take steps.

        Args:
            avoidable_miss: Whether the tick took a step and missed its deadline. A tick that missed it without a step
                is no such tick: no budget would have saved it.
        """
        return msgspec.structs.replace(self, ns=max(0.0, self.ns + self.rise_ns * (avoidable_miss - self.miss_rate)))
