"""Metrics as Prometheus reads them."""

import subprocess
import sys
import urllib.request

import pytest

from sim.monitor.metrics import MAX_NAMES, Metrics
from tests.unit.sim.monitor.records import counters, event, stamped, tick
from vgf_robot.controller import Reason, Rung, Status
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import MachineError


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, metric, /, **labels):
    return metrics.registry.get_sample_value(metric, labels or None)


def test_ticks_misses_steps_and_stages_are_counted(metrics):
    metrics.add(stamped(tick()))
    metrics.add(stamped(tick(in_time=False, status=Status.LATE, reason=Reason.OVERRAN)))
    assert value(metrics, "vgf_ticks_total", source="serve", status="late") == 1
    assert value(metrics, "vgf_misses_total", source="serve") == 1
    assert value(metrics, "vgf_steps_sum", source="serve") == 4
    assert value(metrics, "vgf_stage_seconds_count", source="serve", stage="step") == 4
    assert value(metrics, "vgf_stage_seconds_sum", source="serve", stage="tick") == pytest.approx(0.008)
    assert value(metrics, "vgf_stage_seconds_sum", source="serve", stage="queue") == pytest.approx(0.001)
    assert value(metrics, "vgf_displacement_count", source="serve") == 2
    assert value(metrics, "vgf_margin_seconds", source="serve") == pytest.approx(0.002)


def test_fallbacks_are_counted_by_reason(metrics):
    gone = tick(status=Status.FALLBACK, rung=Rung.SAFE, reason=Reason.STALE_OBSERVATION, displacement=None, step_ms=())
    metrics.add(stamped(gone))
    assert value(metrics, "vgf_fallbacks_total", source="serve", reason="stale_observation") == 1
    assert value(metrics, "vgf_displacement_count", source="serve") is None


def test_engagement_is_one_in_one_state(metrics):
    metrics.add(stamped(tick(engagement=EngagementState.CHECKING)))
    metrics.add(stamped(tick(engagement=EngagementState.ENGAGED)))
    states = {
        state.value: value(metrics, "vgf_engagement", source="serve", state=state.value) for state in EngagementState
    }
    assert states == {"disengaged": 0, "checking": 0, "blending_in": 0, "engaged": 1, "fault": 0}


def test_counters_events_and_what_was_lost(metrics):
    metrics.add(stamped(counters(waiting=3, received=10), at_ms=2000))
    metrics.add(stamped(event(), at_ms=3000))
    metrics.add_reception({"received": 2, "dropped": 5})
    assert value(metrics, "vgf_counter", source="serve", name="waiting") == 3
    assert value(metrics, "vgf_events_total", source="serve", kind="engagement") == 1
    assert value(metrics, "vgf_telemetry", name="dropped") == 5
    assert value(metrics, "vgf_last_record_timestamp_seconds") == 3


def test_a_publisher_of_many_names_takes_a_bounded_part_of_memory(metrics):
    metrics.add(stamped(counters(**{f"name{index}": index for index in range(2 * MAX_NAMES)})))
    metrics.add(stamped(counters(**{f"other{index}": index for index in range(50)})))
    assert len(metrics._names) == MAX_NAMES


def test_they_are_offered_on_this_machine_and_a_taken_port_is_named(metrics):
    metrics.add(stamped(tick()))
    with metrics.serve(0) as exporter:
        text = urllib.request.urlopen(exporter.url, timeout=30).read().decode()
        assert 'vgf_ticks_total{source="serve",status="on_time"} 1.0' in text
        assert "_created" not in text
        port = int(exporter.url.split(":")[2].split("/")[0])
        with pytest.raises(MachineError, match=f"Port {port} .* cannot be bound"):
            Metrics().serve(port)


def test_metrics_alone_need_no_page_and_no_simulator():
    code = (
        "import sys\nimport sim.commands.monitor, sim.monitor.live, sim.monitor.metrics, sim.monitor.window\n"
        "print(sorted({'viser', 'mjviser', 'mujoco', 'mcap', 'onnxruntime'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
