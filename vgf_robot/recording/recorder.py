"""From what a controller tells to files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, final

from vgf_robot.recording.before_fault import BeforeFault
from vgf_robot.recording.form import to_json
from vgf_robot.recording.mcap_file import Entry
from vgf_robot.recording.store import Store
from vgf_robot.telemetry import VERSION, Counters, Stamped, Subscriber

# How long one look at the socket waits: how late a stop or a chunk's end is noticed.
WAIT_MS = 100
# Records that are taken off the socket before chunks and counters are looked after.
MAX_IN_A_ROW = 256
COUNTERS_EVERY_NS = 1_000_000_000


@final
class Recorder:
    """Writes every record of one publisher.

    Args:
        subscriber: Where they come from.
        store: Where they go.
        before_fault: Decides what is kept apart.
        clock: Monotonic nanoseconds.
        wall_clock: Nanoseconds since 1970.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        store: Store,
        before_fault: BeforeFault,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._subscriber = subscriber
        self._store = store
        self._before_fault = before_fault
        self._clock = clock
        self._wall_clock = wall_clock
        self._stopping = False
        self._next_counters_ns = 0
        self._num_counters = 0

    def run(self, until_ns: int | None = None) -> None:
        """Record until `stop` or a time, then finish the file.

        Args:
            until_ns: On the clock; None for no end.
        """
        while not self._stopping and (until_ns is None or self._clock() < until_ns):
            self.step(WAIT_MS)
        for _ in range(MAX_IN_A_ROW):  # what has arrived meanwhile
            if not self._take(0):
                break
        self._count(self._clock())
        self._store.close()

    def step(self, wait_ms: int) -> None:
        """Take what has come, waiting for the first of it, and look after the file."""
        for turn in range(MAX_IN_A_ROW):
            if not self._take(0 if turn else wait_ms):
                break
        now_ns = self._clock()
        if now_ns >= self._next_counters_ns:
            self._count(now_ns)
        self._store.beat(now_ns)

    def stop(self) -> None:
        """Ask for the end; safe to call from a signal handler."""
        self._stopping = True

    def row(self) -> dict[str, Any]:
        """Return what has been recorded, and what has not."""
        store, counters = self._store, self._subscriber.counters
        return {
            **{name: counters[name] for name in ("received", "dropped", "restarts", "unreadable")},
            "written": store.written,
            "unwritten": store.unwritten,
            "files": [str(path) for path in store.files],
            "faults": [str(path) for path in store.faults],
        }

    def _take(self, wait_ms: int) -> bool:
        """Write one record; return whether there was one."""
        unreadable = self._subscriber.counters["unreadable"]
        stamped = self._subscriber.receive(wait_ms)
        if stamped is None:
            return self._subscriber.counters["unreadable"] > unreadable
        topic, content = to_json(stamped)
        entry = Entry(topic=topic, wall_ns=stamped.wall_ns, number=stamped.number, content=content)
        now_ns = self._clock()
        self._store.add(entry, now_ns)
        apart = self._before_fault.add(stamped, entry)
        if apart:
            self._store.keep_apart(apart, now_ns)
        return True

    def _count(self, now_ns: int) -> None:
        """Write what has been counted here, once there is anything to count."""
        self._next_counters_ns = now_ns + COUNTERS_EVERY_NS
        if not self._subscriber.counters["received"]:
            return
        counters = {name: count for name, count in self.row().items() if isinstance(count, int)}
        stamped = Stamped(
            version=VERSION,
            run=0,
            number=self._num_counters,
            wall_ns=self._wall_clock(),
            monotonic_ns=now_ns,
            record=Counters(source="record", counters=counters),
        )
        topic, content = to_json(stamped)
        self._num_counters += 1
        self._store.add(Entry(topic=topic, wall_ns=stamped.wall_ns, number=stamped.number, content=content), now_ns)
