"""What an operator can do to the loop while it runs."""

import pytest

from vgf_robot.control.controlled_drive import ControlledDrive
from vgf_robot.controller import Ceilings, Reason
from vgf_robot.engagement import EngagementSettings, EngagementState
from vgf_robot.wire import ErrorKind, RefusedError

# The fake graphs draw what the limits would cut.
LENIENT = EngagementSettings(blend_s=0.0, max_first_limited_share=1.0)


def run(rig, num_periods, **asked):
    """Run the loop; keywords such as `after_2` are called once that many periods are over."""
    done = 0

    def after_period(_now_ns):
        nonlocal done
        done += 1
        asked.get(f"after_{done}", lambda: None)()

    rig.drive.run(num_periods, after_period)
    return rig


def controlled(rig):
    return ControlledDrive(rig.drive, bundle_sha256="ab" * 32, counters=lambda: {"observations": 5})


def test_ceilings_act_on_the_next_period(make_rig):
    rig = make_rig()
    machine = controlled(rig)
    run(
        rig,
        6,
        after_2=lambda: machine.set_ceilings(Ceilings(max_steps=1)),
        after_4=lambda: machine.set_ceilings(Ceilings()),
    )
    assert [sent.command.steps for sent in rig.robot.sent[:6]] == [3, 3, 1, 1, 3, 3]


def test_a_robot_is_engaged_and_disengaged_while_the_loop_runs(make_rig):
    rig = make_rig(drive={"engage": False, "engagement": LENIENT})
    machine = controlled(rig)
    run(
        rig, 6, after_2=lambda: machine.instruct("engage", None), after_4=lambda: machine.instruct("disengage", "robot")
    )
    assert rig.robot.sent_ns == [at_ns for at_ns in rig.robot.sent_ns if at_ns >= rig.start_ns + 100_000_000]
    assert len(rig.robot.sent) == 3  # two periods, and the safe action after them
    assert (rig.drive.engagement.state, rig.drive.engagement.reason) == (EngagementState.DISENGAGED, "")


def test_a_robot_that_would_go_on_moving_gets_the_safe_action_when_it_is_disengaged(make_rig):
    rig = make_rig(action_kind="velocity", safe_action=(0.25, -0.5))
    machine = controlled(rig)
    run(rig, 4, after_2=lambda: machine.instruct("disengage", None))
    last = rig.robot.sent[-1]
    assert len(rig.robot.sent) == 3
    assert (last.command.reason, last.action.tolist()) == (Reason.ENDING, [0.25, -0.5])


def test_who_disengages_before_the_first_observation_is_not_engaged_by_it(make_rig):
    rig = make_rig(first=3)
    machine = controlled(rig)
    run(rig, 6, after_1=lambda: machine.instruct("disengage", None))
    assert rig.robot.sent == []


def test_a_fault_is_cleared_on_purpose_and_the_robot_engaged_anew(make_rig):
    lost = dict.fromkeys(range(1, 8))
    rig = make_rig(drive={"engagement": LENIENT}, script=lost)
    machine = controlled(rig)
    seen = []

    def refused():
        with pytest.raises(RefusedError) as refusal:
            machine.instruct("engage", None)
        seen.append((refusal.value.kind, machine.state(1).robots[0]))
        machine.instruct("clear", None)
        machine.instruct("engage", None)

    run(rig, 12, after_8=refused)
    kind, robot = seen[0]
    assert kind is ErrorKind.ENGAGEMENT
    assert robot.engagement is EngagementState.FAULT
    assert "No usable observation" in robot.reason
    assert rig.drive.engagement.state is EngagementState.ENGAGED


def test_what_a_loop_cannot_do_is_refused(make_rig):
    machine = controlled(make_rig())
    with pytest.raises(RefusedError, match="expected a server"):
        machine.reload()
    with pytest.raises(RefusedError, match="the one there is"):
        machine.instruct("engage", "another")


def test_the_state_says_what_the_loop_runs_at(make_rig):
    rig = make_rig(max_steps=3)
    machine = controlled(rig)
    machine.set_ceilings(Ceilings(max_steps=2))
    state = machine.state(9)
    assert (state.sequence, state.role, state.sealed.max_steps, state.point.max_steps) == (9, "drive", 3, 2)
    assert (state.reference_ns, state.step_ns, state.select_ns) == (2_000_000, 1_000_000, 1_000_000)
    assert state.counters["observations"] == 5
