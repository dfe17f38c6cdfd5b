"""Whether one more client fits: what answers cost, against how often and how soon they are wanted."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

import msgspec

from vgf_robot.controller.costs import TickCosts
from vgf_robot.wire.faults import ErrorKind, RefusedError

# Fewer answers say nothing of the server's own part: a first one may be a hundred times as slow as those after it.
FEWEST_OVERHEADS = 8
# Rates are written in decimal: 1 / 0.008 is not 125 to the last bit.
RATE_TOLERANCE = 1e-6


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often a client asks, and how soon it wants its answers.

    Attributes:
        period_ns: Between two of its observations.
        deadline_ns: From an observation to its answer, where it names no deadline.
    """

    period_ns: int
    deadline_ns: int

    @property
    def window_ns(self) -> int:
        """The time in which one answer has to find room."""
        return min(self.period_ns, self.deadline_ns)


def pace_of(rate_hz: float | None, *, control_period_s: float, deadline_share: float) -> Pace:
    """Return the pace of a client.

    A slower client has proportionally later deadlines: its answers may take the same share of its own period.

    Args:
        rate_hz: What its hello says; None for once per control period.
        control_period_s: The bundle's.
        deadline_share: Share of the period in which an answer is wanted.

    Raises:
        RefusedError: More often than once per control period, or no number.
    """
    fastest_hz = 1 / control_period_s
    rate_hz = fastest_hz if rate_hz is None else rate_hz
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= fastest_hz * (1 + RATE_TOLERANCE)):
        raise RefusedError(
            ErrorKind.MISMATCH,
            expected=f"a rate above 0 and at most {fastest_hz:g} Hz, once per control period",
            found=f"{rate_hz:g} Hz",
            advice="ask less often: the policy was trained at this period",
        )
    # An hour is longer than anybody waits, and keeps the numbers small.
    period_s = min(max(1 / rate_hz, control_period_s), 3600.0)
    return Pace(period_ns=round(period_s * 1e9), deadline_ns=max(1, round(period_s * deadline_share * 1e9)))


def answer_cost_ns(costs: TickCosts, overheads_ns: Sequence[int]) -> float | None:
    """Return what an answer without a step costs the server; None while the controller's own part is not known.

    Args:
        costs: What the controller has learned of its stages.
        overheads_ns: What the server took for each of its last answers, the tick left out.
    """
    overhead_ns = statistics.median(overheads_ns) if len(overheads_ns) >= FEWEST_OVERHEADS else 0
    reference_ns, select_ns = costs.reference.estimate_ns, costs.select.estimate_ns
    if reference_ns is None or select_ns is None:
        return None
    return reference_ns + select_ns + overhead_ns


def utilisation(cost_ns: float, paces: Iterable[Pace]) -> float:
    """Return the share of the server's time that these clients need.

    Up to 1 the earliest deadline first keeps every deadline, but for the one tick that may be under way when a more
    urgent observation comes.

    Args:
        cost_ns: Of one answer.
        paces: One per client.

    Source:
        Liu and Layland, Scheduling algorithms for multiprogramming in a hard-real-time environment, 1973, theorem 7.
        Deviation: the deadline in place of the period where it is shorter, which is sufficient and not necessary.
    """
    return math.fsum(cost_ns / pace.window_ns for pace in paces)


def require_room(cost_ns: float | None, others: Sequence[Pace], newcomer: Pace, limit: float) -> None:
    """Refuse a client with which the answers would need too much of the server's time.

    A client that is alone is never refused: there is nobody whose deadlines it could cost, and the ladder says what
    becomes of its own.

    Args:
        cost_ns: Of one answer; None where it is not known, and then nobody is refused.
        others: The clients that are there.
        newcomer: The one that wants to come.
        limit: Share of the server's time that may be needed.

    Raises:
        RefusedError: They would need more.
    """
    if cost_ns is None or not others:
        return
    needed = utilisation(cost_ns, (*others, newcomer))
    if needed <= limit:
        return
    cost_ms, window_ms = cost_ns / 1e6, newcomer.window_ns / 1e6
    raise RefusedError(
        ErrorKind.OVERLOADED,
        expected=f"clients that need at most {limit:.0%} of the server's time",
        found=f"{needed:.0%} with this one ({len(others)} others; an answer without a step costs {cost_ms:.3g} ms, and "
        f"this client wants one within {window_ms:.3g} ms)",
        advice="say a slower rate_hz, wait until another client has left, or start another server",
    )
