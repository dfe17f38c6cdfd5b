"""What the last seconds say."""

import numpy as np
import pytest

from sim.monitor.strip_chart import MAX_POINTS, strip_data
from sim.monitor.window import MAX_TICKS, Window
from tests.unit.sim.monitor.records import counters, event, stamped, tick
from vgf_robot.controller import Reason, Rung, Status
from vgf_robot.engagement import EngagementState


def filled(*ticks, every_ms=20.0, span_s=10.0):
    window = Window(span_s)
    for index, each in enumerate(ticks):
        window.add(stamped(each, at_ms=index * every_ms))
    return window


def test_an_empty_window_says_nothing():
    gauges = Window(10.0).gauges()
    assert (gauges.rate_hz, gauges.miss_rate, gauges.floor, gauges.value) == (None, None, None, None)


def test_the_gauges_of_good_ticks():
    gauges = filled(*[tick()] * 11).gauges()
    assert gauges.rate_hz == pytest.approx(50.0)
    assert (gauges.miss_rate, gauges.floor, gauges.mean_steps, gauges.max_steps) == (0.0, 0.0, 2.0, 3)
    assert (gauges.value, gauges.displacement, gauges.margin_ms) == (1.5, pytest.approx(0.3), 2.0)
    assert gauges.reasons == {"complete": 11}


def test_the_floor_is_what_would_have_been_missed_without_any_step():
    good = tick()
    by_its_steps = tick(step_ms=(30.0, 30.0), in_time=False, status=Status.LATE, reason=Reason.OVERRAN)
    anyway = tick(reference_ms=60.0, in_time=False, status=Status.LATE, reason=Reason.OVERRAN)
    without_a_step = tick(
        step_ms=(), in_time=False, status=Status.FALLBACK, rung=Rung.SAFE, value=None, displacement=None
    )
    gauges = filled(good, by_its_steps, anyway, without_a_step).gauges()
    assert (gauges.miss_rate, gauges.floor) == (0.75, 0.5)
    assert sum(gauges.fallbacks.values()) == 1


def test_counters_know_of_skipped_periods():
    window = filled(tick(), tick())
    window.add(stamped(counters(periods=100, missed=10, skipped=5), at_ms=50))
    window.add(stamped(counters(periods=200, missed=40, skipped=25), at_ms=1050))
    assert (window.gauges().miss_rate, window.gauges().floor) == (pytest.approx(0.3), pytest.approx(0.2))
    assert window.gauges("00").miss_rate == 0.0  # of one robot the ticks alone speak


def test_what_a_recorder_counts_is_not_the_controllers():
    window = filled(tick())
    window.add(stamped(counters(written=3, dropped=0), at_ms=1, run=0))
    assert window.gauges().miss_rate == 0.0


def test_old_records_leave_and_memory_is_bounded():
    window = filled(*[tick()] * (MAX_TICKS + 50), every_ms=0.01)
    assert len(window._ticks) == MAX_TICKS
    window.add(stamped(tick(steps=0, step_ms=()), at_ms=20_000))
    assert window.gauges().mean_steps == 0.0


def test_a_publisher_that_was_started_anew_begins_an_empty_window():
    window = filled(tick(), tick())
    window.add(stamped(event("fault: nothing seen"), at_ms=60))
    window.add(stamped(tick(step_ms=()), at_ms=5, run=2))
    assert window.gauges().mean_steps == 0.0
    assert len(window.events) == 1  # what happened is not forgotten


def test_robots_are_told_apart():
    window = filled(tick(), tick(identity="01", client="other", step_ms=(1.0,)))
    assert window.robots == {"00": "arm", "01": "other"}
    assert (window.gauges("00").mean_steps, window.gauges("01").mean_steps) == (2.0, 1.0)
    assert window.newest("00").client == "arm"
    assert window.newest("02") is None


def test_the_last_particles_are_those_of_the_last_tick_that_drew_some():
    window = filled(tick(tick=7), tick(tick=8, rung=Rung.SAFE), tick(tick=9, rung=Rung.RESCORED))
    assert (window.newest().tick, window.newest_drawn().tick) == (9, 7)


def test_engagement_is_that_of_the_last_tick():
    fault = tick(engagement=EngagementState.FAULT, engagement_reason="too far")
    gauges = filled(tick(engagement=EngagementState.ENGAGED), fault).gauges()
    assert (gauges.engagement, gauges.engagement_reason) == ("fault", "too far")


def test_the_strip_counts_from_arrival_at_a_server_and_from_the_period_in_a_loop():
    served = filled(tick(), tick()).strip()
    assert served.age_s.tolist() == [-0.02, 0.0]
    assert served.tick_ms[0] == pytest.approx(4.5)
    assert served.deadline_ms[0] == pytest.approx(45.0)
    driven = filled(tick(source="drive", queue_ms=10.0)).strip()
    assert (driven.tick_ms[0], driven.deadline_ms[0]) == (pytest.approx(4.0), pytest.approx(35.0))
    assert np.isnan(filled(tick(deadline_ms=None)).strip().deadline_ms[0])


def test_a_spike_stays_in_the_chart_however_many_ticks_there_are():
    ticks = [tick()] * (5 * MAX_POINTS)
    ticks[1234] = tick(select_ms=99.0)
    columns = strip_data(filled(*ticks, every_ms=1.0).strip(), 10.0)
    assert all(column.size <= MAX_POINTS for column in columns)
    assert columns[1].max() == pytest.approx(102.5)
    assert all(column.size == 2 for column in strip_data(Window(10.0).strip(), 10.0))
