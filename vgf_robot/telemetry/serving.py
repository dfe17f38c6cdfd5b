"""What a server tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import final

from vgf_robot.telemetry.publisher import Publisher
from vgf_robot.telemetry.records import Counters, Event, EventKind, TickRecord
from vgf_robot.telemetry.ticks import Ticks, packed, tick_record
from vgf_robot.wire.addressed import OutgoingReply
from vgf_robot.wire.messages import ErrorReply, Welcome
from vgf_robot.wire.served_tick import ServedTick
from vgf_robot.wire.server import Server
from vgf_robot.wire.settings import ServeSettings

COUNTERS_EVERY_NS = 1_000_000_000
# Strangers who are refused must not fill anybody's disk; the counters have every one of them.
MAX_REFUSALS_PER_SECOND = 10


@final
class ServeTelemetry:
    """Makes records of what a server did, and publishes them.

    Args:
        publisher: Where they go; closed with this.
        settings: The server's.

    Attributes:
        endpoint: The publisher's.
    """

    def __init__(self, publisher: Publisher, settings: ServeSettings) -> None:
        self.endpoint = publisher.endpoint
        self._publisher = publisher
        self._ticks = Ticks(publisher)
        self._settings = settings
        self._next_counters_ns = 0
        self._num_refusals = 0

    def event(self, kind: EventKind, text: str, client: str = "", identity: bytes = b"") -> None:
        """Tell of something that happened."""
        self._publisher.publish(
            lambda: Event(source="serve", kind=kind, text=text, client=client, identity=spell(identity))
        )

    def told(self, kind: EventKind, tell: Callable[[str], object]) -> Callable[[str], None]:
        """Return what tells a sentence as an event, after it has been told as before."""

        def tell_both(text: str) -> None:
            tell(text)
            self.event(kind, text)

        return tell_both

    def replied(self, outgoing: OutgoingReply, in_time: bool) -> None:
        """Tell of a reply, after it has left.

        Args:
            outgoing: The reply.
            in_time: Whether it was a fresh action before its deadline.
        """
        message = outgoing.message
        if outgoing.served is not None:
            self._ticks.publish(partial(self._tick, outgoing.served, in_time))
        elif isinstance(message, ErrorReply):
            self._refusal(message, outgoing.identity)
        elif isinstance(message, Welcome):
            text = f"{message.bundle} ({message.bundle_sha256[:12]})"
            self.event(EventKind.GREETED, text, identity=outgoing.identity)

    def beat(self, now_ns: int, server: Server) -> None:
        """Tell what the server has counted where a second has passed."""
        if now_ns < self._next_counters_ns:
            return
        self._next_counters_ns = now_ns + COUNTERS_EVERY_NS
        self._num_refusals = 0
        self._publisher.publish(
            lambda: Counters(source="serve", counters={**server.counters, "clients": len(server.sessions)})
        )

    def __enter__(self) -> ServeTelemetry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._publisher.close()

    def _tick(self, served: ServedTick, in_time: bool) -> TickRecord:
        job, admitted = served.job, served.admitted
        return tick_record(
            served.start,
            served.command,
            source="serve",
            client=served.client,
            identity=spell(job.identity),
            bundle=served.manifest.name,
            bundle_sha256=served.bundle_sha256,
            backend=self._settings.backend,
            threads=self._settings.threads,
            control_period_s=served.manifest.control_period_s,
            episode=job.episode,
            sequence=job.sequence,
            observation=packed(job.observation),
            pose=packed(job.pose),
            arrived_ns=job.arrived_ns,
            deadline_ns=None if job.unhurried else job.deadline_ns,
            queue_ns=served.queue_ns,
            sent=packed(admitted.action) if admitted.usable else None,
            in_time=in_time,
            engagement=admitted.state,
            engagement_reason=admitted.reason,
            since_previous_ns=None if job.unhurried else served.commanded_ns - served.start.commanded_ns,
        )

    def _refusal(self, message: ErrorReply, identity: bytes) -> None:
        self._num_refusals += 1
        if self._num_refusals <= MAX_REFUSALS_PER_SECOND:
            text = f"{message.kind.value}: expected {message.expected}, found {message.found}"
            self.event(EventKind.REFUSED, text, identity=identity)


def spell(identity: bytes) -> str:
    """Return an identity as text: as it is where it is printable, in hexadecimal where not."""
    text = identity.decode("ascii", errors="replace")
    return text if text.isprintable() and "\ufffd" not in text else identity.hex()
