"""Engagement as a client of a server sees it; the fake controller's action is (1, 2), the period is 50 ms."""

import msgspec
import numpy as np
import pytest

from vgf_robot.controller import Rung
from vgf_robot.engagement import EngagementSettings, EngagementState
from vgf_robot.wire.arrays import pack
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import EngagementReply, ErrorReply

MS = 1_000_000
SETTINGS = EngagementSettings(blend_s=0.1, max_stale_periods=3, max_first_change_share=0.5)
HOME = (0.25, -0.5)


@pytest.fixture
def gated(make_bench):
    """A server that engages its clients, with one that has said hello."""
    bench = make_bench(engagement=SETTINGS)
    bench.greet()
    return bench


@pytest.fixture
def absolute(manifest, make_bench):
    """The same for absolute actions, whose safe action is a place."""
    bench = make_bench(engagement=SETTINGS)
    bench.dispatcher.adopt(bench.policy("cd" * 32, action_kind="absolute", safe_action=HOME))
    bench.greet()
    return bench


@pytest.fixture
def step(observe_message):
    """Ask once, one control period after the last time."""
    numbers = iter(range(10, 1000))

    def ask(bench, *, passed_ns=50 * MS, **changes):
        bench.clock.now_ns += passed_ns - 10 * MS  # the tick takes 10
        refused = bench.say(observe_message(**{"sequence": next(numbers), **changes}))
        return refused[0] if refused else bench.serve_one().message

    return ask


def action_of(act):
    return tuple(np.frombuffer(act.action.data, "<f4").tolist())


def test_without_engagement_answers_say_nothing_of_it(bench, step, engage_message):
    bench.greet()
    act = step(bench)
    assert (act.engagement, act.engagement_reason, act.valid_for_us) == (None, "", 100_000)
    (reply,) = bench.say(engage_message())
    assert isinstance(reply, ErrorReply)
    assert reply.kind is ErrorKind.ENGAGEMENT
    assert "engagement:" in reply.advice


def test_who_is_not_engaged_gets_an_action_that_may_be_used_for_no_time(gated, step):
    act = step(gated)
    assert (act.engagement, act.valid_for_us, action_of(act)) == (EngagementState.DISENGAGED, 0, (0.0, 0.0))
    assert act.rung is Rung.TRANSPORT  # what the controller would have done


def test_an_absolute_action_that_is_withheld_is_where_the_robot_is(absolute, step):
    assert action_of(step(absolute)) == HOME
    assert action_of(step(absolute, pose=pack(np.array([1.0, 9.0], np.float32)))) == (1.0, 2.0)


def test_engaging_blends_in_and_disengaging_withholds_again(gated, step, engage_message):
    (reply,) = gated.say(engage_message())
    assert isinstance(reply, EngagementReply)
    assert (reply.state, reply.reason) == (EngagementState.CHECKING, "")
    acts = [step(gated) for _ in range(4)]
    assert [act.engagement.value for act in acts] == ["blending_in", "blending_in", "engaged", "engaged"]
    assert [action_of(act)[0] for act in acts] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert {act.valid_for_us for act in acts} == {100_000}
    assert gated.say(engage_message("disengage"))[0].state is EngagementState.DISENGAGED
    assert step(gated).valid_for_us == 0


def test_a_first_action_too_far_from_the_pose_is_a_fault_until_it_is_cleared(absolute, step, engage_message):
    far, near = (pack(np.array(pose, np.float32)) for pose in ((-2.0, 2.0), (0.9, 1.9)))
    absolute.say(engage_message())
    act = step(absolute, pose=far)
    assert (act.engagement, act.valid_for_us) == (EngagementState.FAULT, 0)
    assert "move the robot nearer" in act.engagement_reason
    (refused,) = absolute.say(engage_message())
    assert (refused.kind, "move the robot nearer" in refused.found) == (ErrorKind.ENGAGEMENT, True)
    assert absolute.say(engage_message("clear"))[0].state is EngagementState.DISENGAGED
    absolute.say(engage_message())
    assert step(absolute, pose=near).engagement is EngagementState.BLENDING_IN


@pytest.mark.parametrize("reloaded", [False, True])
def test_a_hello_clears_no_fault(absolute, step, engage_message, hello_message, reloaded):
    absolute.say(engage_message())
    reason = step(absolute, pose=pack(np.array((-2.0, 2.0), np.float32))).engagement_reason
    if reloaded:
        absolute.dispatcher.adopt(absolute.policy("ef" * 32, action_kind="absolute", safe_action=HOME))
    absolute.say(hello_message(sequence=500))
    (refused,) = absolute.say(engage_message(sequence=501))
    assert (refused.kind, reason.rstrip(".") in refused.found) == (ErrorKind.ENGAGEMENT, True)
    near = pack(np.array((0.9, 1.9), np.float32))
    act = step(absolute, pose=near, sequence=502)
    assert (act.engagement, act.engagement_reason, act.valid_for_us) == (EngagementState.FAULT, reason, 0)
    assert absolute.say(engage_message("clear", sequence=503))[0].state is EngagementState.DISENGAGED
    absolute.say(engage_message(sequence=504))
    assert step(absolute, pose=near, sequence=505).engagement is EngagementState.BLENDING_IN


def test_a_client_that_was_silent_for_long_comes_back_to_a_fault(gated, step, engage_message):
    gated.say(engage_message())
    assert step(gated).engagement is EngagementState.BLENDING_IN
    assert step(gated, passed_ns=150 * MS).engagement is EngagementState.BLENDING_IN  # two periods without
    act = step(gated, passed_ns=200 * MS)
    assert act.engagement is EngagementState.FAULT
    assert "silent for 0.2 s" in act.engagement_reason
    assert (action_of(act), act.valid_for_us) == ((0.0, 0.0), 100_000)  # what keeps a robot still that was moving


def test_nobody_is_hurried_to_engage_or_to_observe_afterwards(gated, step, engage_message):
    step(gated)
    step(gated, passed_ns=9_000 * MS)
    gated.clock.now_ns += 9_000 * MS
    gated.say(engage_message())
    assert step(gated, passed_ns=9_000 * MS).engagement is EngagementState.BLENDING_IN
    gated.clock.now_ns += 9_000 * MS
    gated.say(engage_message())  # is no observation: the robot was not watched
    assert step(gated).engagement is EngagementState.FAULT


def test_a_simulation_that_waits_may_take_its_time(gated, step, engage_message):
    gated.say(engage_message())
    acts = [step(gated, passed_ns=9_000 * MS, deadline_us=3_600_000_000) for _ in range(3)]
    assert acts[-1].engagement is EngagementState.ENGAGED


def test_refused_observations_are_periods_without_one(gated, step, engage_message):
    gated.say(engage_message())
    step(gated)
    for _ in range(3):
        assert step(gated, entries=(0.0, 0.0, float("nan"))).kind is ErrorKind.NON_FINITE
    act = step(gated)
    assert act.engagement is EngagementState.FAULT
    assert "non_finite" in act.engagement_reason


def test_a_pose_that_will_not_do_is_refused(gated, step):
    assert step(gated, pose=pack(np.zeros(3, np.float32))).kind is ErrorKind.WRONG_SHAPE
    assert step(gated, pose=pack(np.full(2, np.nan, np.float32))).kind is ErrorKind.NON_FINITE


def test_clients_are_engaged_one_by_one_and_anew_with_each_hello(gated, observe_message, engage_message, hello_message):
    gated.greet(b"b")
    gated.say(engage_message(), b"b")
    gated.say(observe_message(sequence=3), b"a")
    gated.say(observe_message(sequence=3), b"b")
    states = {outgoing.identity: outgoing.message.engagement for outgoing in (gated.serve_one(), gated.serve_one())}
    assert states == {b"a": EngagementState.DISENGAGED, b"b": EngagementState.BLENDING_IN}
    gated.say(hello_message(sequence=4), b"b")
    gated.say(observe_message(sequence=5), b"b")
    assert gated.serve_one().message.engagement is EngagementState.DISENGAGED


def test_the_welcome_says_whether_actions_are_withheld(gated, bench, hello_message):
    assert gated.say(hello_message(sequence=2))[0].engagement
    assert not bench.say(hello_message())[0].engagement


def test_engaging_needs_a_session(gated, engage_message):
    assert gated.say(engage_message(), b"stranger")[0].kind is ErrorKind.HANDSHAKE_REQUIRED
    assert gated.say(msgspec.msgpack.encode({"type": "engage", "version": 1, "sequence": 1, "action": "go"}))[
        0
    ].kind is (ErrorKind.MALFORMED)
