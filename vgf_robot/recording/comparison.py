"""What comes of running a recording again: differences in action, value and time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from vgf_robot.recording.rerun import Replayed, Rerun, UnrepeatableError
from vgf_robot.results import finite, latency_summary
from vgf_robot.telemetry import TickRecord, array_of

QUANTITIES = ("action", "value", "spread", "displacement")


@final
@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Worst:
    """One of the ticks whose action differs most.

    Attributes:
        difference: Largest difference of an entry of the action, in the robot's units.
        position: Of the tick in the recording, from 0.
        tick: What was recorded.
        action: What the bundle gives now.
    """

    difference: float
    position: int
    tick: TickRecord = field(compare=False)
    action: tuple[float, ...] = field(compare=False)


@final
class Comparison:
    """Runs recorded ticks again and keeps the differences.

    Args:
        rerun: Of the bundle.
        num_worst: How many of the worst ticks are kept.

    Attributes:
        ticks: Ticks of the recording.
        exact: Those whose action, value, spread and displacement are the same bits.
        unrepeatable: Those that could not be run again, by why.
        bundles: Hashes of the bundles that they were recorded with.
        worst: The ticks whose action differs most, worst first.
    """

    def __init__(self, rerun: Rerun, num_worst: int = 5) -> None:
        self.ticks = 0
        self.exact = 0
        self.unrepeatable: Counter[str] = Counter()
        self.bundles: set[str] = set()
        self._rerun = rerun
        self._num_worst = num_worst
        self._worst: list[Worst] = []
        self._differences: dict[str, list[float]] = {name: [] for name in QUANTITIES}
        self._recorded_ms: list[float] = []
        self._replayed_ms: list[float] = []

    @property
    def replayed(self) -> int:
        """Ticks that were run again."""
        return self.ticks - self.unrepeatable.total()

    @property
    def worst(self) -> list[Worst]:
        """As the class says; only ticks that differ at all."""
        return sorted(self._worst, reverse=True)

    @property
    def largest_difference(self) -> float:
        """Of an entry of the action, in the robot's units; 0 where nothing differs."""
        return max(self._differences["action"], default=0.0)

    def run(self, ticks: Iterable[TickRecord]) -> None:
        """Run ticks again, in the order in which they were recorded."""
        for tick in ticks:
            self.ticks += 1
            self.bundles.add(tick.bundle_sha256)
            try:
                replayed = self._rerun.run(tick)
            except UnrepeatableError as error:
                self.unrepeatable[str(error)] += 1
                continue
            self._compare(tick, replayed)

    def row(self) -> dict[str, Any]:
        """Return the result row; differences as p50, p95, p99, p999 and max."""
        return {
            "ticks": self.ticks,
            "replayed": self.replayed,
            "exact": self.exact,
            "unrepeatable": dict(self.unrepeatable),
            **{f"{name}_difference": finite(latency_summary(self._differences[name])) for name in QUANTITIES},
            "recorded_tick_ms": latency_summary(self._recorded_ms),
            "tick_ms": latency_summary(self._replayed_ms),
            "worst": [_worst_row(each) for each in self.worst],
        }

    def _compare(self, tick: TickRecord, replayed: Replayed) -> None:
        recorded = array_of(tick.action)
        difference = float(np.abs(replayed.action.astype(np.float64) - recorded).max())
        self._differences["action"].append(difference)
        same = replayed.action.tobytes() == recorded.tobytes()
        for name in QUANTITIES[1:]:
            before, now = getattr(tick, name), getattr(replayed, name)
            same = same and _same_bits(before, now)
            if before is not None and now is not None:
                self._differences[name].append(abs(now - before))
        self.exact += same
        if replayed.select_ns:
            timings = tick.timings
            self._recorded_ms.append((timings.reference_ns + sum(timings.step_ns) + timings.select_ns) / 1e6)
            self._replayed_ms.append((replayed.reference_ns + sum(replayed.step_ns) + replayed.select_ns) / 1e6)
        if difference:
            worst = Worst(
                difference=difference, position=self.ticks - 1, tick=tick, action=tuple(replayed.action.tolist())
            )
            push = heapq.heappush if len(self._worst) < self._num_worst else heapq.heappushpop
            push(self._worst, worst)


def _same_bits(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return np.float64(before).tobytes() == np.float64(now).tobytes()


def _worst_row(worst: Worst) -> dict[str, Any]:
    tick = worst.tick
    return {
        "position": worst.position,
        "client": tick.client,
        "episode": tick.episode,
        "tick": tick.tick,
        "sequence": tick.sequence,
        "rung": tick.rung.value,
        "steps": tick.steps,
        "difference": worst.difference,
        "recorded_action": array_of(tick.action).tolist(),
        "action": list(worst.action),
    }
