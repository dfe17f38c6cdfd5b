"""A running controller, listened to: its records into a window and into metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

from sim.monitor.metrics import Metrics
from sim.monitor.window import Window
from vgf_robot.telemetry import Subscriber

# Records taken at a time, so that a flood does not keep the page from being drawn.
MAX_RECORDS = 2000
# How long a turn waits for the first of them.
WAIT_MS = 20
# A controller that has told nothing for so long is said to be away; counters come every second.
SILENT_NS = 2_500_000_000


@final
class Live:
    """Takes what is told, turn by turn.

    Args:
        subscriber: To the controller.
        window: Filled here.
        metrics: Counted here; None for none.
        clock: Monotonic nanoseconds.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        window: Window,
        metrics: Metrics | None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._subscriber = subscriber
        self._window = window
        self._metrics = metrics
        self._clock = clock
        self._heard_ns: int | None = None

    def turn(self) -> None:
        """Take the records that have come."""
        wait_ms = WAIT_MS
        for _ in range(MAX_RECORDS):
            stamped = self._subscriber.receive(wait_ms)
            if stamped is None:
                break
            wait_ms = 0
            self._heard_ns = self._clock()
            self._window.add(stamped)
            if self._metrics is not None:
                self._metrics.add(stamped)
        if self._metrics is not None:
            self._metrics.add_reception(self._subscriber.counters)

    def note(self) -> str:
        """Return what is wrong with the telemetry, half a sentence; empty where nothing is."""
        counters = self._subscriber.counters
        if self._heard_ns is None:
            return self._subscriber.complaint or "waiting for the first record"
        silent_ns = self._clock() - self._heard_ns
        if silent_ns > SILENT_NS:
            silence = f"nothing heard for {silent_ns / 1e9:.0f} s: waiting for it to come back"
            return self._subscriber.complaint or silence
        lost = counters["dropped"] + counters["unreadable"]
        return f"{lost} records lost on the way" if lost else ""
