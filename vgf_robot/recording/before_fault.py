"""What came just before a fault, in memory until there is one."""

from __future__ import annotations

from collections import deque
from typing import final

from vgf_robot.controller import Status
from vgf_robot.recording.mcap_file import Entry
from vgf_robot.telemetry import Event, EventKind, Stamped, TickRecord

# This many late ticks and fallbacks within this time are a fault too, engagement or not.
BURST = 5
BURST_NS = 1_000_000_000
# However fast records come: what may be kept in memory.
MAX_BYTES = 64_000_000


@final
class BeforeFault:
    """Keeps the last seconds of entries, and says when they are worth a file of their own.

    Args:
        keep_ns: How long entries are kept.
    """

    def __init__(self, keep_ns: int) -> None:
        self._keep_ns = keep_ns
        self._entries: deque[tuple[int, Entry]] = deque()
        self._num_bytes = 0
        self._bad_ns: deque[int] = deque(maxlen=BURST)
        self._quiet_until_ns: int | None = None

    def add(self, stamped: Stamped, entry: Entry) -> list[Entry]:
        """Take note of a record; return what came before a fault and it, where it is one, else nothing.

        Faults that follow one another within the time that is kept belong to the first.

        Args:
            stamped: The record.
            entry: The same as it goes into a file.
        """
        now_ns = stamped.monotonic_ns
        self._entries.append((now_ns, entry))
        self._num_bytes += len(entry.content)
        self._forget(now_ns)
        if not self._is_fault(stamped):
            return []
        quiet = self._quiet_until_ns is not None and now_ns < self._quiet_until_ns
        self._quiet_until_ns = now_ns + self._keep_ns
        return [] if quiet else [entry for _, entry in self._entries]

    def _forget(self, now_ns: int) -> None:
        entries = self._entries
        # A publisher on a machine that was restarted begins its clock anew: what is from the future is forgotten too.
        while entries and (self._num_bytes > MAX_BYTES or not 0 <= now_ns - entries[0][0] <= self._keep_ns):
            self._num_bytes -= len(entries.popleft()[1].content)

    def _is_fault(self, stamped: Stamped) -> bool:
        record, now_ns = stamped.record, stamped.monotonic_ns
        if isinstance(record, Event):
            return record.kind is EventKind.FAULT
        if not isinstance(record, TickRecord) or record.status not in (Status.LATE, Status.FALLBACK):
            return False
        self._bad_ns.append(now_ns)
        return len(self._bad_ns) == BURST and 0 <= now_ns - self._bad_ns[0] <= BURST_NS
