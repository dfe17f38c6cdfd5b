"""The last seconds of what a controller told, in memory that does not grow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Rung, Status
from vgf_robot.telemetry import Counters, Event, Stamped, TickRecord

# Ticks that are kept at most: 20 s of a loop at 500 Hz.
MAX_TICKS = 10_000
MAX_EVENTS = 50
# Robots that are told apart; what more there are is in the sums.
MAX_ROBOTS = 64
# What `serve` and `drive` count their periods as.
_MISSED, _PERIODS, _IN_TIME, _SKIPPED = "missed", "periods", "in_time", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A tick, and when it was told: nanoseconds of the publisher's monotonic clock."""

    at_ns: int
    tick: TickRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What the window says; None where it holds nothing that could say it.

    Attributes:
        rate_hz: Ticks per second.
        miss_rate: Share of the periods, or of the requests, without a fresh action in time.
        floor: Share that would have been missed without any step: no budget can go below it.
        mean_steps: Per tick.
        max_steps: What the last tick might have taken.
        value: Of the last particle that was chosen.
        displacement: Its distance from where it started, root mean square over the window.
        margin_ms: Kept free before the deadline, at the last tick.
        engagement: Where it stood at the last tick; empty where there is none.
        engagement_reason: Why it was in a fault.
        fallbacks: Ticks on the ladder, by reason.
        reasons: Ticks by why they ended as they did.
    """

    rate_hz: float | None = None
    miss_rate: float | None = None
    floor: float | None = None
    mean_steps: float | None = None
    max_steps: int | None = None
    value: float | None = None
    displacement: float | None = None
    margin_ms: float | None = None
    engagement: str = ""
    engagement_reason: str = ""
    fallbacks: Counter[str]
    reasons: Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """What a strip chart shows of the window, oldest first; each array has one entry per tick.

    Attributes:
        age_s: When, in seconds before the newest; 0 or less.
        tick_ms: To the end of the tick, from the arrival of the observation at a server, or from the beginning of the
            tick in a loop.
        deadline_ms: From there to the deadline; not a number where there was none.
        steps: Transport steps.
    """

    age_s: NDArray[np.float64]
    tick_ms: NDArray[np.float64]
    deadline_ms: NDArray[np.float64]
    steps: NDArray[np.float64]


@final
class Window:
    """Takes records, and forgets those that are older than its span.

    Args:
        span_s: Seconds of the publisher's clock.
    """

    def __init__(self, span_s: float) -> None:
        self.events: deque[tuple[int, Event]] = deque(maxlen=MAX_EVENTS)
        self.robots: dict[str, str] = {}
        self._span_ns = round(span_s * 1e9)
        self._ticks: deque[Told] = deque(maxlen=MAX_TICKS)
        self._counters: deque[tuple[int, dict[str, int]]] = deque(maxlen=MAX_TICKS)
        self._run: int | None = None

    def add(self, stamped: Stamped) -> None:
        """Take a record; those of a publisher that was started anew begin an empty window."""
        record, at_ns = stamped.record, stamped.monotonic_ns
        if isinstance(record, Counters) and not _turns(record.counters):
            return  # of a recorder, or of a controller that has done nothing yet
        if stamped.run != self._run:
            self.clear()
            self._run = stamped.run
        if isinstance(record, TickRecord):
            self._ticks.append(Told(at_ns=at_ns, tick=record))
            if len(self.robots) < MAX_ROBOTS:
                self.robots[record.identity] = record.client
        elif isinstance(record, Counters):
            self._counters.append((at_ns, record.counters))
        else:
            self.events.append((stamped.wall_ns, record))
        self._forget(at_ns - self._span_ns)

    def clear(self) -> None:
        """Forget everything but the events."""
        self._ticks.clear()
        self._counters.clear()
        self.robots.clear()

    def newest(self, identity: str | None = None) -> TickRecord | None:
        """Return the last tick of a robot, or of any; None where there is none."""
        return next((told.tick for told in reversed(self._ticks) if _is_of(told, identity)), None)

    def newest_drawn(self, identity: str | None = None) -> TickRecord | None:
        """Return the last tick that drew particles; likewise."""
        ours = (told.tick for told in reversed(self._ticks) if _is_of(told, identity))
        return next((tick for tick in ours if tick.rung in (Rung.TRANSPORT, Rung.REFERENCE)), None)

    def gauges(self, identity: str | None = None) -> Gauges:
        """Return what the window says of a robot, or of all."""
        ticks = self._of(identity)
        if not ticks:
            return Gauges(fallbacks=Counter(), reasons=Counter())
        records = [told.tick for told in ticks]
        last = records[-1]
        miss_rate, floor = self._shares(records, everyone=identity is None)
        spread_s = (ticks[-1].at_ns - ticks[0].at_ns) / 1e9
        moved = [each.displacement for each in records if each.displacement is not None]
        return Gauges(
            rate_hz=(len(ticks) - 1) / spread_s if spread_s > 0 else None,
            miss_rate=miss_rate,
            floor=floor,
            mean_steps=float(np.mean([each.steps for each in records])),
            max_steps=last.point.max_steps,
            value=next((each.value for each in reversed(records) if each.value is not None), None),
            displacement=float(np.sqrt(np.mean(np.square(moved)))) if moved else None,
            margin_ms=last.margin_ns / 1e6,
            engagement="" if last.engagement is None else last.engagement.value,
            engagement_reason=last.engagement_reason,
            fallbacks=Counter(each.reason.value for each in records if each.status is Status.FALLBACK),
            reasons=Counter(each.reason.value for each in records),
        )

    def strip(self, identity: str | None = None) -> Strip:
        """Return what happened when."""
        ticks = self._of(identity)
        newest_ns = ticks[-1].at_ns if ticks else 0
        return Strip(
            age_s=_array(ticks, lambda told: (told.at_ns - newest_ns) / 1e9),
            tick_ms=_array(ticks, lambda told: (_waited_ns(told.tick) + told.tick.timings.tick_ns) / 1e6),
            deadline_ms=_array(ticks, lambda told: _deadline_ms(told.tick)),
            steps=_array(ticks, lambda told: told.tick.steps),
        )

    def _of(self, identity: str | None) -> list[Told]:
        return [told for told in self._ticks if _is_of(told, identity)]

    def _shares(self, records: Sequence[TickRecord], *, everyone: bool) -> tuple[float, float]:
        """Return miss rate and floor, from the counters where those speak of it: they know of skipped periods.

        A skipped period is a miss, and no budget of its own would have saved it.
        """
        missed, anyway = ([_missed(each) for each in records], [_missed_anyway(each) for each in records])
        if everyone and len(self._counters) > 1:
            (_, first), (_, last) = self._counters[0], self._counters[-1]
            periods = _turns(last) - _turns(first)
            skipped = last.get(_SKIPPED, 0) - first.get(_SKIPPED, 0)
            if periods > 0:
                floor = (float(np.mean(anyway)) * (periods - skipped) + skipped) / periods
                return (last.get(_MISSED, 0) - first.get(_MISSED, 0)) / periods, floor
        return float(np.mean(missed)), float(np.mean(anyway))

    def _forget(self, before_ns: int) -> None:
        while self._ticks and self._ticks[0].at_ns < before_ns:
            self._ticks.popleft()
        while self._counters and self._counters[0][0] < before_ns:
            self._counters.popleft()


def _is_of(told: Told, identity: str | None) -> bool:
    return identity is None or told.tick.identity == identity


def _turns(counters: dict[str, int]) -> int:
    return counters[_PERIODS] if _PERIODS in counters else counters.get(_IN_TIME, 0) + counters.get(_MISSED, 0)


def _array(ticks: Sequence[Told], of: Callable[[Told], float]) -> NDArray[np.float64]:
    return np.array([of(told) for told in ticks], np.float64)


def _deadline_ms(tick: TickRecord) -> float:
    if tick.deadline_ns is None or tick.arrived_ns is None:
        return float("nan")
    return (tick.deadline_ns - tick.arrived_ns - tick.queue_ns + _waited_ns(tick)) / 1e6


def _waited_ns(tick: TickRecord) -> int:
    """Return how long the observation waited, where that was for its turn: a loop takes it when a period begins."""
    return tick.queue_ns if tick.source == "serve" else 0


def _missed(tick: TickRecord) -> bool:
    return not tick.in_time


def _missed_anyway(tick: TickRecord) -> bool:
    """Whether the tick was missed, and would have been without a step: by what the rest of it took."""
    if tick.in_time:
        return False
    if not tick.steps or tick.deadline_ns is None or tick.arrived_ns is None:
        return True
    rest_ns = tick.queue_ns + tick.timings.tick_ns - sum(tick.timings.step_ns)
    return tick.arrived_ns + rest_ns > tick.deadline_ns
