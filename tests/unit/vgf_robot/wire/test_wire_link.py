"""A robot's loop without a server, on a fake clock; the period is 50 ms, answers are valid for 100 ms."""

from types import SimpleNamespace

import msgspec
import pytest

from tests.clocks import MS, FakeClock
from tests.commands import make_command
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import ProtocolError
from vgf_robot.wire import (
    Answer,
    AnswerExpiredError,
    ErrorKind,
    NoServerError,
    RefusedError,
    RobotLink,
    ServerBusyError,
    Source,
)

PERIOD_NS = 50 * MS
SAFE = (0.5, -0.5)
GONE = NoServerError("nowhere", 0.04, lost=True)


class FakeServer:
    """A client whose server says what the test tells it: an action, or why there is none."""

    def __init__(self, clock, *, action_kind, action_rate_limit=None):
        self.clock = clock
        self.says = GONE
        self.ticks = 0
        self.sent = []
        self.closed = False
        self.welcome = SimpleNamespace(
            action_kind=action_kind,
            action_rate_limit=action_rate_limit,
            safe_action=SAFE,
            control_period_s=0.05,
        )

    def begin_episode(self, seed):
        self.ticks = 0

    def send(self, observation, **named):
        self.sent.append((observation, named))

    def wait(self, timeout_s):
        assert timeout_s == 0.04
        if isinstance(self.says, Exception):
            self.clock.advance(40 * MS)
            raise self.says
        self.clock.advance(10 * MS)
        self.ticks += 1
        command = make_command(self.says)
        return Answer(
            command=command,
            episode_tick=self.ticks,
            queue_ns=0,
            server_ns=0,
            round_trip_ns=10 * MS,
            received_ns=self.clock(),
            valid_for_ns=100 * MS,
        )

    def close(self):
        self.closed = True


@pytest.fixture
def linked():
    """Make a link, its server, and a function that steps on a grid of control periods."""

    def make(**facts):
        clock = FakeClock(now_ns=10**12)
        server = FakeServer(clock, **facts)
        link = RobotLink(server, wait_s=0.04, clock=clock)
        link.begin_episode(0)
        next_ns = clock.now_ns

        def step(says, **named):
            nonlocal next_ns
            clock.now_ns, next_ns = next_ns, next_ns + PERIOD_NS
            server.says = says
            return link.step([0.0], **named)

        return link, server, step

    return make


def shown(step):
    return step.source.value, None if step.action is None else pytest.approx(step.action.tolist(), abs=1e-6)


def test_before_the_first_answer_nothing_is_known(linked):
    _, _, step = linked(action_kind="delta")
    found = step(GONE)
    assert (found.action, found.source, found.trouble) == (None, Source.NONE, GONE)


def test_answers_are_passed_on_as_they_are(linked):
    _, server, step = linked(action_kind="absolute", action_rate_limit=(1.0, 1.0))
    for action in ((0.0, 0.0), (9.0, 9.0)):  # limits are the server's business while it answers
        found = step(action, pose=[1.0, 2.0], deadline_s=0.03)
        assert (found.source.value, found.action.tolist(), found.trouble) == ("answer", list(action), None)
        assert found.answer is not None
    assert server.sent[0][1]["pose"] == [1.0, 2.0]
    assert server.sent[0][1]["deadline_s"] == 0.03


def test_an_absolute_action_is_held_until_it_expires_and_then_it_is_the_safe_one(linked):
    _, _, step = linked(action_kind="absolute")
    step((1.0, 1.0))  # came 10 ms after its period began, and is valid for 100
    assert shown(step(GONE)) == ("held", [1.0, 1.0])  # 40 ms into the next one
    assert shown(step(GONE)) == ("safe", list(SAFE))
    assert shown(step(GONE)) == ("safe", list(SAFE))
    assert shown(step((2.0, 2.0))) == ("answer", [2.0, 2.0])


@pytest.mark.parametrize("action_kind", ["delta", "velocity", "torque"])
def test_what_would_move_the_robot_once_more_is_never_used_twice(linked, action_kind):
    _, _, step = linked(action_kind=action_kind)
    step((1.0, 1.0))
    assert shown(step(GONE)) == ("safe", list(SAFE))


@pytest.mark.parametrize(
    "trouble",
    [
        ServerBusyError("nowhere", 0.04, late=1),
        RefusedError(ErrorKind.NON_FINITE, expected="numbers", found="nan"),
        ProtocolError("What the server says cannot be read."),
    ],
)
def test_whatever_the_server_says_ends_no_step(linked, trouble):
    _, _, step = linked(action_kind="delta")
    step((1.0, 1.0))
    assert step(trouble).trouble is trouble
    assert step((1.0, 1.0)).source is Source.ANSWER


def test_a_mistake_in_the_program_is_said_at_once(linked):
    link, server, _ = linked(action_kind="delta")

    def send(observation, **named):
        raise ProtocolError("observation: expected numbers")

    server.send = send
    with pytest.raises(ProtocolError, match="expected numbers"):
        link.step([None])
    with pytest.raises(ProtocolError, match="wait_s"):
        RobotLink(server, wait_s=-1.0)


@pytest.mark.parametrize(("action_kind", "taken"), [("absolute", "held"), ("delta", "safe")])
def test_an_answer_that_is_read_after_its_time_is_not_used(linked, action_kind, taken):
    """A process that was stopped finds it in its queue, and cannot know when it came."""
    _, server, step = linked(action_kind=action_kind)
    step((1.0, 1.0))
    usual = server.wait

    def held_up(timeout_s):
        return msgspec.structs.replace(usual(timeout_s), round_trip_ns=110 * MS)

    server.wait = held_up
    found = step((2.0, 2.0))
    assert found.source.value == taken
    assert isinstance(found.trouble, AnswerExpiredError)
    server.wait = usual
    assert step((2.0, 2.0)).source is Source.ANSWER


def test_the_way_to_the_safe_action_and_back_keeps_to_the_rate(linked):
    _, server, step = linked(action_kind="absolute", action_rate_limit=(10.0, 10.0))  # 0.5 per period
    step((2.0, 0.0))
    step(GONE)
    assert shown(step(GONE)) == ("safe", [1.5, -0.5])
    assert shown(step(GONE)) == ("safe", [1.0, -0.5])
    server.ticks = 0  # it was restarted, and thinks that the robot may go anywhere
    ways = [step((2.0, 0.0)) for _ in range(5)]
    assert {each.source for each in ways} == {Source.ANSWER}
    # The first one comes 30 ms sooner in its period than the step before it, for which 0.2 is allowed.
    assert [each.action[0] for each in ways] == pytest.approx([1.2, 1.7, 2.0, 2.0, 2.0])


def test_a_server_that_was_restarted_in_between_makes_no_jump(linked):
    _, server, step = linked(action_kind="absolute", action_rate_limit=(10.0, 10.0))
    step((0.0, 0.0))
    server.ticks = 0
    assert shown(step((2.0, 0.0))) == ("answer", [0.5, 0.0])
    assert shown(step((2.0, 0.0))) == ("answer", [1.0, 0.0])


def test_a_new_episode_is_held_to_nothing(linked):
    link, _, step = linked(action_kind="absolute", action_rate_limit=(10.0, 10.0))
    step((0.0, 0.0))
    link.begin_episode(1)
    assert shown(step((2.0, 0.0))) == ("answer", [2.0, 0.0])
    link.begin_episode(2)
    assert shown(step(GONE)) == ("standby", None)


@pytest.mark.parametrize(("action_kind", "still"), [("absolute", None), ("velocity", list(SAFE))])
def test_what_engagement_withholds_is_not_sent(linked, action_kind, still):
    _, server, step = linked(action_kind=action_kind)
    usual = server.wait

    def withheld(timeout_s):
        return msgspec.structs.replace(usual(timeout_s), valid_for_ns=0, engagement=EngagementState.DISENGAGED)

    step((1.0, 1.0))
    server.wait = withheld
    found = step((1.0, 1.0))
    assert shown(found) == ("standby", still)
    assert found.answer.engagement is EngagementState.DISENGAGED
    server.wait = usual
    assert shown(step(GONE)) == ("standby", still)  # what was sent before it was withdrawn is not taken up again
    assert shown(step((2.0, 2.0))) == ("answer", [2.0, 2.0])


def test_closing_the_link_closes_the_client(linked):
    link, server, _ = linked(action_kind="delta")
    with link:
        pass
    assert server.closed
