"""The loop, to the nanosecond."""

import msgspec
import numpy as np
import pytest

from tests.clocks import MS, scripted
from tests.unit.vgf_robot.drive.conftest import ENGAGEMENT, PERIOD_NS
from vgf_robot.controller import Budget, Reason
from vgf_robot.engagement import EngagementSettings, EngagementState

BEAR_EVERYTHING = msgspec.structs.replace(ENGAGEMENT, max_stale_periods=1000, max_fallback_periods=1000)


class Counting:
    """Actions 0.5, 1, 1.5 ... in the first entry."""

    def __init__(self):
        self.made = []

    def __call__(self, particle):
        self.made.append(0.5 * len(self.made) + 0.5)
        return np.array([self.made[-1], 0.0])


def test_one_action_per_period_as_soon_as_it_is_ready(make_rig):
    rig = make_rig(safe_action=(0.25, 0.0)).run(3)
    assert rig.sent_ms == [6, 56, 106, 150]  # the last word at the grid point after them
    assert [command.sequence for command in rig.robot.sent] == [0, 1, 2, 3]
    assert {command.valid_for_ns for command in rig.robot.sent} == {2 * PERIOD_NS}
    assert [command.sensed.sequence for command in rig.robot.sent[:3]] == [0, 1, 2]
    row = rig.drive.tally.row()
    assert (row["periods"], row["miss_rate"], row["mean_steps"], row["sent"]) == (3, 0.0, 3.0, 4)
    assert row["status"] == {"on_time": 3}
    assert row["states"] == {"engaged": 3}
    assert row["tick_ms"]["max"] == 6.0


def test_on_the_grid_an_action_is_handed_out_at_its_deadline(make_rig):
    rig = make_rig(drive={"release": "on-grid"}).run(3)
    assert rig.sent_ms == [45, 95, 145, 150]
    assert rig.drive.tally.row()["release_ms"]["max"] == 0.0


def test_on_the_grid_a_late_action_does_not_wait(make_rig):
    rig = make_rig(drive={"release": "on-grid"})
    rig.graphs.select_cost = scripted([MS, 42 * MS], then_ns=MS)
    assert rig.run(3).sent_ms[:3] == [45, 97, 145]
    assert rig.drive.tally.counters["missed"] == 1


def test_the_newest_observation_is_taken_at_the_grid_point(make_rig):
    rig = make_rig().run(4)
    assert [moment_ns - rig.start_ns for moment_ns in rig.robot.looked_ns] == [k * PERIOD_NS for k in range(4)]


def test_the_time_of_handing_over_is_kept_back_from_the_deadline(make_rig):
    rig = make_rig(drive={"deadline_share": 0.2, "handover_us": 4001}).run(1)
    assert rig.robot.sent[0].command.steps == 2  # 5.999 ms hold a reference, two steps and a selection


def test_disengaged_it_ticks_and_sends_nothing(make_rig):
    rig = make_rig(drive={"engage": False}).run(3)
    assert rig.robot.sent == []
    assert rig.drive.tally.row()["status"] == {"on_time": 3}
    assert rig.drive.tally.row()["release_ms"] is None


def test_it_waits_for_the_first_observation_and_engages_then(make_rig):
    rig = make_rig(first=3).run(5)
    assert rig.sent_ms == [156, 206, 250]
    row = rig.drive.tally.row()
    assert (row["waiting"], row["periods"], row["missed"]) == (3, 2, 0)


def test_what_an_overrun_has_eaten_is_skipped_and_not_made_up_for(make_rig):
    rig = make_rig()
    rig.graphs.select_cost = scripted([MS, 169 * MS], then_ns=MS)  # of the second period, until 224 ms
    rig.run(6)
    assert rig.sent_ms == [6, 224, 230, 256, 300]  # late, then what is left of its period, then the grid
    assert [command.command.reason for command in rig.robot.sent][:4] == [
        Reason.COMPLETE,
        Reason.OVERRAN,
        Reason.COMPLETE,
        Reason.COMPLETE,
    ]
    row = rig.drive.tally.row()
    assert (row["periods"], row["skipped"], row["missed"]) == (6, 2, 3)
    assert row["late_ms"]["max"] == 24.0


@pytest.mark.parametrize(("kind", "rung"), [("absolute", "hold"), ("velocity", "safe")])
def test_an_action_that_is_not_there_when_its_period_ends_is_not_sent(make_rig, kind, rung):
    rig = make_rig(action_kind=kind, safe_action=(0.25, 0.0))
    rig.graphs.select_cost = scripted([MS, 45 * MS], then_ns=MS)
    rig.graphs.action = counting = Counting()
    rig.run(3)
    assert rig.rungs[:3] == ["transport", rung, "transport"]
    assert rig.robot.sent[1].command.reason is Reason.OVERRAN
    assert counting.made == [0.5, 1.0, 1.5]
    instead = 0.5 if rung == "hold" else 0.25  # the action before it, and not the one that came too late
    assert [command.action[0] for command in rig.robot.sent[:3]] == [0.5, instead, 1.5]


def test_what_follows_an_action_that_was_not_sent_keeps_to_the_rate_from_the_one_before_it(make_rig):
    rig = make_rig(action_kind="absolute", action_rate_limit=(2.0, 2.0), safe_action=(0.0, 0.0))
    rig.graphs.select_cost = scripted([MS, 45 * MS], then_ns=MS)
    rig.graphs.action = Counting()
    made = [float(command.command.action[0]) for command in rig.run(4).robot.sent]
    # The third comes 6 ms after the second, the fourth a whole period of 50 ms after that: 2 per second.
    assert made == pytest.approx([0.5, 0.5, 0.512, 0.612], abs=1e-3)


def test_a_late_action_within_its_period_is_sent_and_is_a_miss(make_rig):
    rig = make_rig()
    rig.graphs.select_cost = scripted([MS, 42 * MS], then_ns=MS)
    rig.run(3)
    assert rig.sent_ms[:3] == [6, 97, 106]
    assert rig.drive.tally.row()["status"] == {"late": 1, "on_time": 2}
    assert rig.drive.tally.counters["missed"] == 1


@pytest.mark.parametrize(("kind", "rung"), [("absolute", "hold"), ("delta", "safe"), ("torque", "safe")])
def test_without_a_new_observation_the_ladder_answers_and_a_new_one_recovers(make_rig, kind, rung):
    rig = make_rig(
        action_kind=kind, script={2: None, 3: None}, drive={"engagement": BEAR_EVERYTHING}, safe_action=(0.25, 0.0)
    ).run(5)
    assert rig.rungs[:5] == ["transport", "transport", rung, rung, "transport"]
    assert rig.robot.sent[2].command.reason is Reason.STALE_OBSERVATION
    held = rig.robot.sent[1].action if rung == "hold" else np.array([0.25, 0.0], np.float32)
    np.testing.assert_array_equal(rig.robot.sent[3].action, held)
    row = rig.drive.tally.row()
    assert (row["stale"], row["missed"], row["fallbacks"]) == (2, 2, {"stale_observation": 2})
    assert rig.drive.engagement.state is EngagementState.ENGAGED


def test_too_long_without_a_new_observation_is_a_fault_that_stays(make_rig):
    settings = EngagementSettings(blend_s=0.0, max_stale_periods=3)
    rig = make_rig(script={2: None, 3: None, 4: None}, drive={"engagement": settings}, safe_action=(0.25, 0.0)).run(8)
    assert rig.drive.engagement.state is EngagementState.FAULT
    assert "no new observation since sequence 1" in rig.drive.engagement.reason
    assert [command.state.value for command in rig.robot.sent[:8]] == ["engaged"] * 4 + ["fault"] * 4
    assert {tuple(command.action) for command in rig.robot.sent[4:8]} == {(0.25, 0.0)}
    assert rig.drive.tally.counters["missed"] == 6


def test_an_observation_may_be_used_again_as_often_as_was_said(make_rig):
    rig = make_rig(drive={"max_repeats": 1}, script={1: None, 3: None, 4: None}).run(6)
    assert rig.drive.tally.counters["stale"] == 1


@pytest.mark.parametrize(("age_ms", "stale"), [(99, 0), (100, 0), (101, 1), (3_600_000, 1)])
def test_an_observation_that_is_too_old_is_stale_however_new(make_rig, age_ms, stale):
    rig = make_rig(script={1: {"taken_ns": 50 * MS - age_ms * MS}})
    # The rig's warm-up has moved the clock; ages are counted from the second look.
    rig.robot.script[1]["taken_ns"] += rig.start_ns
    assert rig.run(3).drive.tally.counters["stale"] == stale


def test_any_age_will_do_where_that_was_said(make_rig):
    rig = make_rig(drive={"max_age_periods": None}, script={1: {"taken_ns": -(10**15)}})
    assert rig.run(3).drive.tally.counters["stale"] == 0


def test_a_non_finite_observation_goes_down_the_ladder(make_rig):
    broken = np.array([np.nan, 0, 0], np.float32)
    rig = make_rig(script={1: {"observation": broken}}).run(3)
    assert rig.rungs[:3] == ["transport", "safe", "transport"]
    assert rig.drive.tally.row()["fallbacks"] == {"non_finite_observation": 1}


def test_a_stop_ends_the_loop_after_the_period_with_a_last_safe_command(make_rig):
    rig = make_rig(safe_action=(0.25, 0.0))
    calls = []

    def after_period(now_ns):
        calls.append(now_ns)
        if len(calls) == 2:
            rig.drive.stop()

    rig.drive.run(None, after_period)
    assert rig.sent_ms == [6, 56, 100]
    last = rig.robot.sent[-1]
    assert last.action.tolist() == [0.25, 0.0]
    assert (last.command.rung.value, last.command.reason, last.sensed) == ("safe", Reason.ENDING, None)


def test_an_absolute_action_is_held_by_the_robot_and_needs_no_last_word(make_rig):
    assert make_rig(action_kind="absolute").run(2).sent_ms == [6, 56]


def test_what_goes_wrong_in_the_loop_ends_it_with_a_safe_command(make_rig):
    rig = make_rig(safe_action=(0.25, 0.0))
    rig.graphs.action = lambda _: 1 / 0 if rig.robot.sent else np.zeros(2)
    with pytest.raises(ZeroDivisionError):
        rig.run(3)
    assert rig.robot.sent[-1].action.tolist() == [0.25, 0.0]


def test_the_budget_is_the_settings(make_rig):
    rig = make_rig(drive={"budget": Budget(max_steps=1)}).run(2)
    assert [command.command.steps for command in rig.robot.sent[:2]] == [1, 1]


def test_a_pose_reaches_the_check_of_the_first_action(make_rig):
    far = np.array([2.0, 2.0], np.float32)
    strict = EngagementSettings(blend_s=0.0)
    rig = make_rig(action_kind="absolute", script={0: {"pose": far}}, drive={"engagement": strict}).run(3)
    assert rig.drive.engagement.state is EngagementState.FAULT
    assert rig.robot.sent == []
    near = np.zeros(2, np.float32)
    blended = msgspec.structs.replace(BEAR_EVERYTHING, blend_s=0.1)
    rig = make_rig(action_kind="absolute", script={0: {"pose": near}}, drive={"engagement": blended}).run(3)
    assert rig.robot.sent[0].action.tolist() == [0.0, 0.0]
    assert rig.robot.sent[0].state is EngagementState.BLENDING_IN


@pytest.mark.parametrize("waits", [{"first": 50}, {"script": dict.fromkeys(range(1, 50))}], ids=["waiting", "stale"])
def test_graphs_are_kept_warm_while_there_is_nothing_to_tick_for(make_rig, waits):
    rig = make_rig(drive={"engagement": BEAR_EVERYTHING, "engage": False}, **waits)
    rig.graphs.calls.clear()
    rig.run(49)  # 2.45 s
    assert rig.graphs.calls.count("reference") == 2 + ("script" in waits)
