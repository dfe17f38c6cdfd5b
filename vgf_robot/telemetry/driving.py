"""What a loop tells of itself."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import final

from vgf_robot.bundle import Bundle
from vgf_robot.drive import Decided, Drive, DrivenPeriod, DriveSettings, Ports
from vgf_robot.telemetry.publisher import Publisher
from vgf_robot.telemetry.records import Counters, Event, EventKind, TickRecord
from vgf_robot.telemetry.ticks import Ticks, packed, tick_record

COUNTERS_EVERY_NS = 1_000_000_000
# A loop has one robot, and nobody but its user asks for actions.
CLIENT = "drive"


@final
class DriveTelemetry:
    """Makes records of what a loop did, and publishes them.

    Args:
        publisher: Where they go; closed with this.
        bundle: What the loop runs.
        settings: The loop's.

    Attributes:
        endpoint: The publisher's.
    """

    def __init__(self, publisher: Publisher, bundle: Bundle, settings: DriveSettings) -> None:
        self.endpoint = publisher.endpoint
        self._publisher = publisher
        self._ticks = Ticks(publisher)
        self._bundle = bundle
        self._settings = settings
        self._next_counters_ns = 0

    def event(self, kind: EventKind, text: str) -> None:
        """Tell of something that happened."""
        self._publisher.publish(lambda: Event(source="drive", kind=kind, text=text, client=CLIENT))

    def drove(self, driven: DrivenPeriod) -> None:
        """Tell of a control period, after its action has left."""
        for decided in driven.decided:
            self._ticks.publish(partial(self._tick, driven, decided, is_last=decided is driven.decided[-1]))

    def beat(self, now_ns: int, drive: Drive, ports: Ports) -> None:
        """Tell what loop and robot have counted where a second has passed."""
        if now_ns < self._next_counters_ns:
            return
        self._next_counters_ns = now_ns + COUNTERS_EVERY_NS
        counted = drive.tally.counters
        self._publisher.publish(lambda: Counters(source="drive", counters={**counted, **ports.counters}))

    def __enter__(self) -> DriveTelemetry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._publisher.close()

    def _tick(self, driven: DrivenPeriod, decided: Decided, *, is_last: bool) -> TickRecord:
        start, sensed = decided.start, driven.sensed
        return tick_record(
            start,
            decided.command,
            source="drive",
            client=CLIENT,
            identity="",
            bundle=self._bundle.manifest.name,
            bundle_sha256=self._bundle.sha256,
            backend=self._settings.backend,
            threads=self._settings.threads,
            control_period_s=self._bundle.manifest.control_period_s,
            episode=0,
            sequence=None if sensed is None else sensed.sequence,
            observation=None if sensed is None else packed(sensed.observation),
            pose=None if sensed is None else packed(sensed.pose),
            arrived_ns=None if sensed is None else sensed.taken_ns,
            deadline_ns=driven.deadline_ns,
            queue_ns=0 if sensed is None else decided.began_ns - sensed.taken_ns,
            sent=packed(driven.sent) if is_last else None,
            in_time=driven.in_time and is_last,
            engagement=driven.state,
            engagement_reason=driven.reason,
            since_previous_ns=None if decided.deadline_ns is None else decided.commanded_ns - start.commanded_ns,
        )
