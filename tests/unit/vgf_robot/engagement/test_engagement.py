"""Every way between the states of engagement, and what is sent in each; the period is 50 ms, actions are in [-2, 2]."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.clocks import MS
from tests.commands import make_command
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Reason, Rung
from vgf_robot.engagement import Engagement, EngagementError, EngagementSettings, EngagementState
from vgf_robot.errors import ProtocolError, VgfError

PERIOD_NS = 50 * MS
SAFE = (0.5, -0.5)
SETTINGS = EngagementSettings(
    blend_s=0.2, max_fallback_periods=3, max_stale_periods=2, outside_window=4, max_outside_share=0.5
)


@dataclass
class Robot:
    """An engagement that is given one command per control period."""

    engagement: Engagement
    now_ns: int = 10**12
    sent: list = field(default_factory=list)

    @property
    def state(self) -> EngagementState:
        return self.engagement.state

    def admit(self, action=(1.0, 1.0), pose=None, after_ns=PERIOD_NS, **facts):
        self.now_ns += after_ns
        pose = None if pose is None else np.array(pose, np.float32)
        sent = self.engagement.admit(make_command(action, **facts), pose=pose, now_ns=self.now_ns)
        self.sent.append(sent)
        return None if sent is None else sent.tolist()

    def follow(self) -> "Robot":
        """Engage, and blend in to the end."""
        self.engagement.engage()
        for _ in range(6):
            self.admit((0.1, 0.1), pose=(0.0, 0.0))
        assert self.state is EngagementState.ENGAGED
        return self


@pytest.fixture
def make_robot(tmp_path):
    def make(settings=SETTINGS, action_kind="absolute", **bundle) -> Robot:
        folder = make_bundle(
            tmp_path / str(len(list(tmp_path.iterdir()))), action_kind=action_kind, safe_action=SAFE, **bundle
        )
        return Robot(Engagement(Bundle.load(folder).manifest, settings))

    return make


def test_nothing_is_sent_before_somebody_engages(make_robot):
    robot = make_robot()
    assert robot.state is EngagementState.DISENGAGED
    assert robot.admit() is None
    robot.engagement.lost("no sensor")
    robot.engagement.lost("no sensor")
    assert robot.state is EngagementState.DISENGAGED


def test_an_absolute_action_is_blended_in_from_the_pose(make_robot):
    robot = make_robot()
    robot.engagement.engage()
    assert robot.state is EngagementState.CHECKING
    sent = [robot.admit((0.2, 0.0), pose=(0.0, 0.0))[0] for _ in range(6)]
    assert sent == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2, 0.2])
    assert robot.state is EngagementState.ENGAGED


@pytest.mark.parametrize("kind", ["delta", "velocity", "torque"])
def test_other_actions_are_blended_in_from_the_safe_one_whatever_the_pose(make_robot, kind):
    robot = make_robot(action_kind=kind)
    robot.engagement.engage()
    sent = [robot.admit((1.5, 0.5), pose=(2.0, 2.0))[0] for _ in range(5)]
    assert sent == pytest.approx([0.5, 0.75, 1.0, 1.25, 1.5])


def test_without_a_pose_no_absolute_action_is_the_first(make_robot):
    robot = make_robot()
    robot.engagement.engage()
    assert robot.admit(SAFE) is None
    assert robot.state is EngagementState.FAULT
    assert "expected the robot's pose" in robot.engagement.reason


def test_a_robot_that_is_said_to_be_at_the_safe_action_is_led_away_from_there(make_robot):
    at_safe = msgspec.structs.replace(SETTINGS, assume_at_safe=True)
    robot = make_robot(at_safe)
    robot.engagement.engage()
    assert robot.admit((0.75, -0.5)) == list(SAFE)
    assert robot.admit((0.75, -0.5))[0] == pytest.approx(0.5 + 0.25 / 4)
    robot = make_robot(at_safe)
    robot.engagement.engage()
    assert robot.admit((1.5, 0.5)) is None
    assert "would go from 0.5 m to 1.5 m" in robot.engagement.reason
    robot = make_robot(at_safe)
    robot.engagement.engage()
    assert robot.admit((1.5, 0.5), pose=(1.5, 0.4)) == pytest.approx([1.5, 0.4])  # where somebody knows better


def test_without_a_time_to_blend_the_first_action_is_the_policys(make_robot):
    robot = make_robot(EngagementSettings(blend_s=0.0))
    robot.engagement.engage()
    assert robot.admit((0.25, 0.0), pose=(0.0, 0.0)) == [0.25, 0.0]
    assert robot.state is EngagementState.ENGAGED


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"rung": Rung.SAFE}, "expected a fresh one, found the rung 'safe' (no_time_for_reference)"),
        ({"rung": Rung.HOLD, "reason": Reason.STALE_OBSERVATION}, "stale_observation"),
        ({"num_outside": 2}, "found 2 entries outside"),
        ({"limited": 0.05}, "changed by 0.05, where 0.04 is allowed"),
        ({"action": (np.nan, 0.0)}, "finite action"),
        (
            {"action": (0.0, 0.5)},
            "displacement[1] would go from 0 m to 0.5 m, a change of 0.5 m where 0.4 m is allowed",
        ),
        ({"pose": (0.0, np.nan)}, "expected a finite pose, found nan in displacement[1]"),
    ],
)
def test_a_first_action_that_will_not_do_is_a_fault_and_nothing_is_sent(make_robot, facts, complaint):
    robot = make_robot()
    robot.engagement.engage()
    assert robot.admit(**{"action": (0.0, 0.0), "pose": (0.0, 0.0), **facts}) is None
    assert robot.state is EngagementState.FAULT
    assert complaint in robot.engagement.reason
    assert robot.engagement.reason.endswith(".")
    assert robot.admit((0.0, 0.0), pose=(0.0, 0.0)) is None


def test_a_fault_is_left_by_clearing_it_alone(make_robot):
    robot = make_robot()
    robot.engagement.engage()
    robot.admit(rung=Rung.SAFE)
    with pytest.raises(EngagementError, match="Clear it before engaging again") as caught:
        robot.engagement.engage()
    assert isinstance(caught.value, VgfError)
    robot.engagement.disengage()
    assert robot.state is EngagementState.FAULT
    robot.engagement.clear()
    assert (robot.state, robot.engagement.reason) == (EngagementState.DISENGAGED, "")
    assert robot.follow().state is EngagementState.ENGAGED


def test_engaging_twice_and_clearing_nothing_change_nothing(make_robot):
    robot = make_robot().follow()
    robot.engagement.engage()
    robot.engagement.clear()
    assert robot.state is EngagementState.ENGAGED


@pytest.mark.parametrize("periods", [0, 1, 3, 6])
def test_disengaging_ends_it_from_every_state_but_a_fault(make_robot, periods):
    robot = make_robot()
    robot.engagement.engage()
    for _ in range(periods):
        robot.admit((0.1, 0.1), pose=(0.0, 0.0))
    robot.engagement.disengage()
    assert robot.state is EngagementState.DISENGAGED
    assert robot.admit() is None


def test_what_was_sent_before_disengaging_is_not_held_later(make_robot):
    robot = make_robot().follow()
    robot.engagement.disengage()
    robot.engagement.engage()
    assert robot.admit(rung=Rung.SAFE) is None
    assert robot.state is EngagementState.FAULT


def test_periods_without_an_observation_are_a_fault_when_too_many_come_in_a_row(make_robot):
    robot = make_robot().follow()
    for _ in range(2):  # one, then a good one
        robot.engagement.lost("no new observation since sequence 3")
        robot.admit(rung=Rung.HOLD, reason=Reason.STALE_OBSERVATION)
        robot.admit()
    assert robot.state is EngagementState.ENGAGED
    robot.engagement.lost("no new observation since sequence 5")
    robot.admit(rung=Rung.HOLD, reason=Reason.STALE_OBSERVATION)
    robot.engagement.lost("no new observation since sequence 5")
    assert robot.state is EngagementState.FAULT
    assert "for 2 control periods in a row (no new observation since sequence 5)" in robot.engagement.reason


def test_commands_off_the_ladder_are_a_fault_when_too_many_come_in_a_row(make_robot):
    robot = make_robot().follow()
    for rung in (Rung.HOLD, Rung.SAFE, Rung.RESCORED, Rung.HOLD, Rung.SAFE):
        robot.admit(rung=rung)
        assert robot.state is EngagementState.ENGAGED
    robot.admit(rung=Rung.HOLD)
    assert robot.state is EngagementState.FAULT
    assert "for 3 control periods in a row (the last for 'no_time_for_reference')" in robot.engagement.reason


def test_too_large_a_share_outside_the_training_range_is_a_fault(make_robot):
    robot = make_robot().follow()
    for outside in (1, 0, 1, 0, 1, 0, 1, 0):  # half of every window
        robot.admit(num_outside=outside)
        assert robot.state is EngagementState.ENGAGED
    robot.admit(num_outside=1)
    robot.admit(num_outside=1)
    assert robot.state is EngagementState.FAULT
    assert "3 of the last 4 observations" in robot.engagement.reason


def test_one_look_outside_is_no_share_of_a_window_that_has_just_begun(make_robot):
    robot = make_robot()
    robot.engagement.engage()
    robot.admit((0.1, 0.1), pose=(0.0, 0.0))
    robot.admit((0.1, 0.1), num_outside=3)
    assert robot.state is EngagementState.BLENDING_IN


def test_in_a_fault_an_absolute_action_is_held(make_robot):
    robot = make_robot().follow()
    robot.admit((1.25, -1.0))
    for _ in range(3):
        robot.admit((0.0, 0.0), rung=Rung.SAFE)
    assert robot.state is EngagementState.FAULT
    held = robot.sent[-1].tolist()
    assert [robot.admit((2.0, 2.0)) for _ in range(3)] == [held] * 3


@pytest.mark.parametrize("kind", ["delta", "velocity", "torque"])
def test_in_a_fault_other_actions_are_the_safe_one(make_robot, kind):
    robot = make_robot(action_kind=kind).follow()
    robot.engagement.lost("nothing")
    robot.engagement.lost("nothing")
    assert robot.state is EngagementState.FAULT
    assert [robot.admit((2.0, 2.0)) for _ in range(3)] == [list(SAFE)] * 3


def test_a_non_finite_action_is_a_fault_at_any_time(make_robot):
    robot = make_robot().follow()
    assert robot.admit((np.inf, 0.0)) == pytest.approx([0.1, 0.1])
    assert robot.state is EngagementState.FAULT


def test_neither_skipped_periods_nor_the_ladder_make_the_blend_jump(make_robot):
    robot = make_robot()
    robot.engagement.engage()
    assert robot.admit((0.2, 0.0), pose=(0.0, 0.0))[0] == 0
    assert robot.admit((0.2, 0.0), after_ns=40 * PERIOD_NS)[0] == pytest.approx(0.05)
    for _ in range(2):
        assert robot.admit((0.2, 0.0), rung=Rung.HOLD)[0] == pytest.approx(0.05)
    assert robot.admit((0.2, 0.0))[0] == pytest.approx(0.1)


def test_the_rate_limit_holds_for_what_is_sent(make_robot):
    robot = make_robot(EngagementSettings(blend_s=0.0), action_kind="delta", action_rate_limit=(2.0, 2.0))
    robot.engagement.engage()
    sent = [robot.admit((1.0, -0.5))[0] for _ in range(6)]  # 0.1 per period from the safe action on
    assert sent == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0, 1.0])
    robot.engagement.lost("nothing")
    for _ in range(4):
        robot.engagement.lost("nothing")
    assert [robot.admit()[0] for _ in range(3)] == pytest.approx([0.9, 0.8, 0.7])


def test_the_last_word_is_the_safe_action_where_actions_move_the_robot(make_robot):
    assert make_robot(action_kind="velocity").engagement.parting_action() is None
    assert make_robot(action_kind="velocity").follow().engagement.parting_action().tolist() == list(SAFE)
    assert make_robot(action_kind="absolute").follow().engagement.parting_action() is None


def test_a_pose_of_another_shape_is_refused(make_robot):
    with pytest.raises(ProtocolError, match=r"expected shape \(2,\)"):
        make_robot().admit(pose=(0.0, 0.0, 0.0))
