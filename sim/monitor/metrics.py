"""What a controller tells, as metrics that Prometheus scrapes; nothing here needs a page or a simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

from vgf_robot.controller import Status
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import MachineError
from vgf_robot.telemetry import Counters, Event, Stamped, TickRecord

HOST = "127.0.0.1"
# From 50 us to 1 s, two or three to a decade more than Prometheus' own, which begin at 5 ms.
_SECONDS = (5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 4e-3, 6e-3, 8e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2, 0.1, 0.2, 0.5, 1.0)
_STEPS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20)
_DISPLACEMENTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
# Names that a strange publisher may bring; what more there are is left out.
MAX_NAMES = 256


@final
class Metrics:
    """Counts records; names and labels are in docs/monitor.md."""

    def __init__(self) -> None:
        disable_created_metrics()  # when a counter was first counted is no news
        self.registry = registry = CollectorRegistry()
        self._names: set[str] = set()
        self._ticks = Counter("vgf_ticks", "Ticks, by how they ended.", ["source", "status"], registry=registry)
        self._misses = Counter("vgf_misses", "Ticks without a fresh action in time.", ["source"], registry=registry)
        self._fallbacks = Counter("vgf_fallbacks", "Ticks on the ladder.", ["source", "reason"], registry=registry)
        self._reasons = Counter("vgf_reasons", "Ticks by why they ended so.", ["source", "reason"], registry=registry)
        self._events = Counter("vgf_events", "What happened beside ticks.", ["source", "kind"], registry=registry)
        self._stages = Histogram(
            "vgf_stage_seconds", "Time in a tick's stages.", ["source", "stage"], buckets=_SECONDS, registry=registry
        )
        self._steps = Histogram("vgf_steps", "Transport steps.", ["source"], buckets=_STEPS, registry=registry)
        self._displacement = Histogram(
            "vgf_displacement", "Way of the chosen particle.", ["source"], buckets=_DISPLACEMENTS, registry=registry
        )
        self._margin = Gauge("vgf_margin_seconds", "Kept free before the deadline.", ["source"], registry=registry)
        self._engagement = Gauge(
            "vgf_engagement", "1 for where engagement stood last.", ["source", "state"], registry=registry
        )
        self._counted = Gauge("vgf_counter", "What the process counts itself.", ["source", "name"], registry=registry)
        self._told = Gauge("vgf_last_record_timestamp_seconds", "Of the last record, in Unix time.", registry=registry)
        self._received = Gauge("vgf_telemetry", "Records received and lost.", ["name"], registry=registry)

    def add(self, stamped: Stamped) -> None:
        """Count a record."""
        self._told.set(stamped.wall_ns / 1e9)
        record = stamped.record
        if isinstance(record, TickRecord):
            self._add_tick(record)
        elif isinstance(record, Counters):
            self._add_counters(record)
        else:
            self._add_event(record)

    def add_reception(self, counters: Mapping[str, int]) -> None:
        """Note what the subscriber has counted: `received`, `dropped`, `restarts`, `unreadable`."""
        for name, count in counters.items():
            self._received.labels(name).set(count)

    def serve(self, port: int) -> Exporter:
        """Offer the metrics at `http://127.0.0.1:PORT/metrics`.

        Args:
            port: 0 for a free one.

        Raises:
            MachineError: The port is taken.
        """
        try:
            server, thread = start_http_server(port, addr=HOST, registry=self.registry)
        except OSError as error:
            raise MachineError(
                f"Port {port} for the metrics cannot be bound ({error.strerror}); give another --metrics-port."
            ) from error
        return Exporter(server, thread.join)

    def _add_tick(self, tick: TickRecord) -> None:
        source, timings = tick.source, tick.timings
        self._ticks.labels(source, tick.status.value).inc()
        self._reasons.labels(source, tick.reason.value).inc()
        self._misses.labels(source).inc(not tick.in_time)
        if tick.status is Status.FALLBACK:
            self._fallbacks.labels(source, tick.reason.value).inc()
        for stage, duration_ns in _stages(tick):
            self._stages.labels(source, stage).observe(duration_ns / 1e9)
        for duration_ns in timings.step_ns:
            self._stages.labels(source, "step").observe(duration_ns / 1e9)
        self._steps.labels(source).observe(tick.steps)
        if tick.displacement is not None:
            self._displacement.labels(source).observe(tick.displacement)
        self._margin.labels(source).set(tick.margin_ns / 1e9)
        if tick.engagement is not None:
            for state in EngagementState:
                self._engagement.labels(source, state.value).set(state is tick.engagement)

    def _add_counters(self, record: Counters) -> None:
        for name, count in record.counters.items():
            if name in self._names or len(self._names) < MAX_NAMES:
                self._names.add(name)
                self._counted.labels(record.source, name).set(count)

    def _add_event(self, event: Event) -> None:
        self._events.labels(event.source, event.kind.value).inc()


@final
class Exporter:
    """The metrics' HTTP server, in a thread of its own.

    Args:
        server: As `prometheus_client` gives it.
        join: Waits for its thread.

    Attributes:
        url: Where the metrics are.
    """

    def __init__(self, server: Any, join: Callable[[], object]) -> None:
        self.url = f"http://{HOST}:{server.server_port}/metrics"
        self._server = server
        self._join = join

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._join()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stages(tick: TickRecord) -> list[tuple[str, int]]:
    """Return what ran once at most in the tick, and how long; what did not run is left out."""
    timings = tick.timings
    ran = [("reference", timings.reference_ns), ("select", timings.select_ns), ("tick", timings.tick_ns)]
    return [("queue", tick.queue_ns), *((name, duration_ns) for name, duration_ns in ran if duration_ns)]
