"""What happened in the periods of a loop."""

from __future__ import annotations

from collections import Counter
from typing import Any, final

from vgf_robot.controller import Command, Status
from vgf_robot.drive.grid import GridPoint
from vgf_robot.drive.histogram import Histogram
from vgf_robot.engagement import EngagementState


@final
class Tally:
    """Counters and histograms; they take as much memory after a week as after a second.

    Attributes:
        counters: `periods` (skipped ones included), `skipped`, `waiting` (before the first observation, not among the
            periods), `stale`, `missed`, `sent`, `steps`.
        status: Periods by how the tick ended.
        reasons: Periods by why it ended so.
        states: Periods by where engagement stood.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.status: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self._fallbacks: Counter[str] = Counter()
        self._late = Histogram()
        self._ticks = Histogram()
        self._released = Histogram()

    def wait(self) -> None:
        """Count a period before the first observation."""
        self.counters["waiting"] += 1

    def period(
        self, point: GridPoint, command: Command, state: EngagementState, *, in_time: bool, release_ns: int | None
    ) -> None:
        """Count a period, and those that were skipped before it.

        Args:
            point: Its beginning.
            command: What the controller decided.
            state: Where engagement stands at its end.
            in_time: Whether that was before the deadline.
            release_ns: From the moment at which an action could be handed out first to when it was; None where none
                was. That moment is the beginning of the period, or the deadline where actions wait for it.
        """
        counters = self.counters
        fresh = in_time and command.rung.fresh and state is not EngagementState.FAULT
        counters["periods"] += 1 + point.skipped
        counters["skipped"] += point.skipped
        counters["missed"] += (not fresh) + point.skipped
        counters["steps"] += command.steps
        self.status[command.status.value] += 1
        self.reasons[command.reason.value] += 1
        self.states[state.value] += 1
        if command.status is Status.FALLBACK:
            self._fallbacks[command.reason.value] += 1
        self._late.record(point.late_ns)
        self._ticks.record(command.timings.tick_ns)
        if release_ns is not None:
            counters["sent"] += 1
            self._released.record(release_ns)

    def row(self) -> dict[str, Any]:
        """Return the result row, keys as in docs/architecture.md and, for those of a loop, docs/drive.md."""
        counters, periods = self.counters, self.counters["periods"]
        visited = periods - counters["skipped"]
        return {
            "periods": periods,
            "miss_rate": counters["missed"] / periods if periods else None,
            "mean_steps": counters["steps"] / visited if visited else None,
            **{name: counters[name] for name in ("missed", "skipped", "stale", "waiting", "sent")},
            "fallbacks": dict(self._fallbacks),
            "status": dict(self.status),
            "reasons": dict(self.reasons),
            "states": dict(self.states),
            "late_ms": self._late.summary_ms(),
            "tick_ms": self._ticks.summary_ms(),
            "release_ms": self._released.summary_ms(),
        }
