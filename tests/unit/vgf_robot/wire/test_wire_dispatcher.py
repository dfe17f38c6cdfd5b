import msgspec
import pytest

from vgf_robot.controller import Budget
from vgf_robot.wire.arrays import WireArray
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import Bye, ErrorReply, ExpectedField, Ping, Pong, Welcome

MS = 1_000_000
GOAL = ExpectedField(name="goal", size=2, unit="m")
SPEED = ExpectedField(name="speed", size=1, unit="m/s")


def only(replies) -> ErrorReply:
    (reply,) = replies
    assert isinstance(reply, ErrorReply)
    return reply


def test_hello_is_answered_with_the_bundles_facts(bench, hello_message):
    (reply,) = bench.say(hello_message(sequence=9))
    assert isinstance(reply, Welcome)
    assert (reply.sequence, reply.bundle, reply.bundle_sha256) == (9, "tiny", "ab" * 32)
    assert reply.control_period_s == 0.05
    assert reply.default_deadline_us == 45_000
    assert reply.num_particles == (4,)


@pytest.mark.parametrize(
    ("expect", "expected", "found"),
    [
        ({"observation": (SPEED, GOAL)}, "observation field 0 to be speed (1 in m/s)", "goal (2 in m)"),
        ({"observation": (GOAL,)}, "observation field 1 to be nothing", "speed (1 in m/s)"),
        ({"observation": (GOAL, SPEED, GOAL)}, "observation field 2 to be goal (2 in m)", "nothing"),
        ({"action": (ExpectedField(name="displacement", size=2, unit="mm"),)}, "2 in mm", "2 in m"),
        ({"action_kind": "torque"}, "action kind 'torque'", "'delta'"),
        ({"control_period_s": 0.02}, "0.02 s", "0.05 s"),
        ({"bundle_sha256": "cd" * 32}, "bundle cdcdcdcdcdcd", "bundle abababababab"),
    ],
)
def test_a_client_for_another_robot_is_refused(bench, hello_message, observe_message, expect, expected, found):
    reply = only(bench.say(hello_message(**expect)))
    assert reply.kind is ErrorKind.MISMATCH
    assert expected in reply.expected
    assert found in reply.found
    assert only(bench.say(observe_message())).kind is ErrorKind.HANDSHAKE_REQUIRED


def test_a_client_for_this_robot_is_welcome(bench, hello_message):
    expect = {"observation": (GOAL, SPEED), "control_period_s": 0.05, "bundle_sha256": "ab" * 32}
    assert isinstance(bench.say(hello_message(**expect))[0], Welcome)


def test_an_observation_before_hello_is_refused(bench, observe_message):
    reply = only(bench.say(observe_message(sequence=3)))
    assert (reply.kind, reply.sequence) == (ErrorKind.HANDSHAKE_REQUIRED, 3)
    assert bench.state.counters["missed"] == 0  # it will be asked again


def test_ping_needs_no_session_and_counts(bench):
    bench.say(b"garbage")
    (reply,) = bench.say(Ping(version=1, sequence=4))
    assert isinstance(reply, Pong)
    assert (reply.sequence, reply.ready) == (4, True)
    assert reply.counters["error.malformed"] == 1
    assert reply.counters["received"] == 2
    assert reply.counters["clients"] == 0


def test_a_good_observation_waits_for_the_controller(bench, observe_message):
    bench.greet()
    assert bench.say(observe_message(deadline_us=7_000)) == []
    job = bench.state.deadline_queue.take()
    assert job.deadline_ns == bench.clock.now_ns + 7 * MS
    assert job.observation.tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_no_deadline_means_the_share_of_the_control_period(make_bench, observe_message):
    bench = make_bench(deadline_share=0.5)
    bench.greet()
    bench.say(observe_message())
    assert bench.state.deadline_queue.take().deadline_ns == bench.clock.now_ns + 25 * MS


def test_the_replaced_observation_is_answered_and_counted_as_a_miss(bench, observe_message):
    bench.greet()
    bench.say(observe_message(sequence=2))
    reply = only(bench.say(observe_message(sequence=3)))
    assert (reply.kind, reply.sequence) == (ErrorKind.SUPERSEDED, 2)
    assert bench.state.counters["missed"] == 1
    assert bench.state.deadline_queue.take().sequence == 3


def test_clients_do_not_replace_each_other(bench, observe_message):
    bench.greet(b"a", b"b")
    assert bench.say(observe_message(), b"a") == []
    assert bench.say(observe_message(), b"b") == []
    assert len(bench.state.deadline_queue) == 2


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"sequence": 1}, ErrorKind.STALE_SEQUENCE),
        ({"entries": (0.1, 0.2)}, ErrorKind.WRONG_SHAPE),
        ({"entries": (0.1, 0.2, float("nan"))}, ErrorKind.NON_FINITE),
        ({"observation": WireArray(dtype="<i4", shape=(3,), data=bytes(12))}, ErrorKind.WRONG_DTYPE),
        ({"observation": WireArray(dtype="<f4", shape=(3,), data=bytes(8))}, ErrorKind.WRONG_LENGTH),
        ({"version": 2}, ErrorKind.WRONG_VERSION),
        ({"budget": Budget(max_steps=4)}, ErrorKind.BUDGET),
        ({"budget": Budget(max_steps=-1)}, ErrorKind.BUDGET),
        ({"budget": Budget(step_size=float("nan"))}, ErrorKind.BUDGET),
        ({"budget": Budget(num_particles=3)}, ErrorKind.BUDGET),
        ({"budget": Budget(selection="best")}, ErrorKind.MALFORMED),
        ({"observation_age_us": 100_001}, ErrorKind.STALE_OBSERVATION),
    ],
)
def test_what_will_not_do_is_refused_and_the_next_one_served(make_bench, observe_message, changes, kind):
    bench = make_bench(max_observation_age_s=0.1)
    bench.greet()
    message = observe_message(**changes)
    reply = only(bench.say(message))
    assert (reply.kind, reply.sequence) == (kind, message.sequence)
    assert reply.expected
    assert reply.found
    assert bench.state.counters[f"error.{kind.value}"] == 1
    # What cannot be read is no observation yet; every other one had no action for an answer.
    unread = kind in (ErrorKind.MALFORMED, ErrorKind.WRONG_VERSION)
    assert bench.state.counters["missed"] == (0 if unread else 1)
    assert bench.say(observe_message(sequence=2)) == []


def test_too_large_and_too_many_frames(make_bench, observe_message):
    bench = make_bench(max_message_bytes=1024)
    bench.greet()
    assert only(bench.say(bytes(1025))).kind is ErrorKind.TOO_LARGE
    for num_frames in (0, 2, 1000):
        reply = only(bench.say(observe_message(), num_frames=num_frames))
        assert (reply.kind, reply.found) == (ErrorKind.TOO_MANY_FRAMES, f"{num_frames} frames")


def test_no_room_for_another_client_until_one_has_been_silent(make_bench, hello_message):
    bench = make_bench(max_clients=1, idle_s=10.0, evict_silent_s=9.0)
    bench.greet(b"a")
    bench.clock.now_ns += 5_000 * MS
    assert only(bench.say(hello_message(), b"b")).kind is ErrorKind.TOO_MANY_CLIENTS
    assert isinstance(bench.say(hello_message(sequence=5), b"a")[0], Welcome)
    bench.clock.now_ns += 10_001 * MS
    bench.state.forget_idle(bench.clock.now_ns)
    assert isinstance(bench.say(hello_message(), b"b")[0], Welcome)


def test_a_client_that_reconnects_takes_the_place_of_its_silent_self(make_bench, hello_message, observe_message):
    bench = make_bench(max_clients=2, evict_silent_s=3.0)
    bench.greet(b"first")
    bench.say(observe_message(), b"first")
    bench.clock.now_ns += 1_000 * MS
    bench.greet(b"second")
    bench.clock.now_ns += 2_500 * MS
    bench.say(Ping(version=1, sequence=9), b"second")
    assert isinstance(bench.say(hello_message(), b"third")[0], Welcome)
    assert list(bench.state.sessions) == [b"second", b"third"]
    assert (bench.state.counters["sessions_dropped"], bench.state.counters["missed"]) == (1, 1)
    assert only(bench.say(hello_message(), b"fourth")).kind is ErrorKind.TOO_MANY_CLIENTS


def test_a_client_that_says_bye_leaves_its_place_at_once_and_gets_no_reply(make_bench, hello_message, observe_message):
    bench = make_bench(max_clients=1)
    for client in (b"a", b"b", b"c"):
        assert isinstance(bench.say(hello_message(), client)[0], Welcome)
        bench.say(observe_message(), client)
        assert bench.say(Bye(version=1, sequence=3), client) == []
        assert bench.say(Bye(version=1, sequence=4), client) == []
    assert len(bench.state.sessions) == len(bench.state.deadline_queue) == 0
    assert (bench.state.counters["sessions_dropped"], bench.state.counters["missed"]) == (3, 3)


def test_observations_and_pings_keep_a_session_alive(make_bench, observe_message):
    bench = make_bench(idle_s=10.0)
    bench.greet()
    for sequence in (2, 3):
        bench.clock.now_ns += 9_000 * MS
        bench.say(observe_message(sequence=sequence) if sequence == 2 else Ping(version=1, sequence=sequence))
        bench.state.forget_idle(bench.clock.now_ns)
    assert len(bench.state.sessions) == 1


def test_a_second_hello_starts_afresh_and_drops_what_waits(bench, hello_message, observe_message):
    bench.greet()
    bench.say(observe_message(sequence=5))
    bench.say(hello_message(sequence=1))
    assert len(bench.state.deadline_queue) == 0
    assert bench.state.counters["missed"] == 1
    assert bench.say(observe_message(sequence=2)) == []


def test_those_who_wait_at_the_end_are_told(bench, observe_message):
    bench.greet(b"a", b"b")
    bench.say(observe_message(), b"a")
    bench.say(observe_message(), b"b")
    replies = bench.dispatcher.close()
    assert {outgoing.address for outgoing in replies} == {b"a", b"b"}
    assert {outgoing.message.kind for outgoing in replies} == {ErrorKind.SHUTTING_DOWN}
    assert bench.state.counters["missed"] == 2


def test_replies_go_to_the_address_and_state_hangs_on_the_identity(bench, hello_message, observe_message):
    bench.greet(b"user")
    job = bench.say(observe_message(), b"user")
    assert job == []
    waiting = bench.state.deadline_queue.take()
    moved = msgspec.structs.replace(waiting, address=b"connection 2", deadline_ns=waiting.deadline_ns + 100 * MS)
    bench.state.deadline_queue.put(moved)
    outgoing = bench.serve_one()
    assert (outgoing.address, outgoing.identity) == (b"connection 2", b"user")
