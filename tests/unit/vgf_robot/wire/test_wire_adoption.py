"""What a change of bundle means to sessions: who waits, who comes next, and what is remembered."""

import msgspec

from vgf_robot.controller import Budget
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import Act, Welcome

NEW = "cd" * 32


def adopt(bench, **changes):
    policy = bench.policy(NEW, **changes)
    bench.worker.adopt(policy.controller)
    return bench.dispatcher.adopt(policy)


def test_those_who_wait_and_those_who_come_are_told_to_shake_hands(bench, observe_message):
    bench.greet(b"a", b"b")
    bench.say(observe_message(), b"a")
    (told,) = adopt(bench)
    assert (told.address, told.message.kind, told.message.sequence) == (b"a", ErrorKind.HANDSHAKE_REQUIRED, 2)
    (refused,) = bench.say(observe_message(), b"b")
    assert refused.kind is ErrorKind.HANDSHAKE_REQUIRED
    assert bench.state.counters["missed"] == 0  # both will be asked again


def test_after_the_handshake_the_episode_goes_on_without_its_particles(bench, hello_message, observe_message):
    bench.greet()
    bench.say(observe_message(sequence=2))
    bench.serve_one()
    adopt(bench)
    (told,) = bench.say(hello_message(sequence=3))
    assert isinstance(told, Welcome)
    assert told.bundle_sha256 == NEW
    bench.say(observe_message(sequence=4))
    act = bench.serve_one().message
    assert isinstance(act, Act)
    assert act.episode_tick == 2
    first, second = bench.controller.asked
    assert second.episode is first.episode
    assert second.episode.remembered is None


def test_a_session_of_the_bundle_that_is_taken_back_never_notices(bench, observe_message):
    bench.greet()
    adopt(bench)
    bench.dispatcher.adopt(bench.policy())
    assert bench.say(observe_message()) == []


def test_observations_are_checked_against_the_new_bundle(bench, hello_message, observe_message):
    bench.greet()
    point = msgspec.structs.replace(bench.manifest.operating_point, max_steps=1)
    adopt(bench, operating_point=point)
    bench.say(hello_message(sequence=2))
    (refused,) = bench.say(observe_message(sequence=3, budget=Budget(max_steps=2)))
    assert refused.kind is ErrorKind.BUDGET


def test_an_answer_that_is_not_to_be_used_is_asked_for_again(bench, observe_message):
    bench.greet()
    bench.say(observe_message(sequence=2))
    outgoing = bench.dispatcher.ask_again(bench.serve_one())
    assert (outgoing.message.kind, outgoing.message.sequence) == (ErrorKind.HANDSHAKE_REQUIRED, 2)


def test_a_slower_client_is_told_its_deadline_and_a_faster_one_is_refused(bench, hello_message, observe_message):
    (told,) = bench.say(hello_message(rate_hz=2.0))
    assert told.default_deadline_us == 450_000
    bench.say(observe_message())
    assert bench.state.deadline_queue.take().deadline_ns == bench.clock.now_ns + 450_000_000
    assert bench.say(hello_message(rate_hz=21.0), b"b")[0].kind is ErrorKind.MISMATCH


def test_one_more_client_than_fits_is_refused_and_the_others_go_on(make_bench, hello_message, observe_message):
    bench = make_bench(max_utilisation=0.1)  # 2 ms of 45 each: two fit
    bench.greet(b"a", b"b")
    (refused,) = bench.say(hello_message(sequence=7), b"c")
    assert (refused.kind, refused.sequence) == (ErrorKind.OVERLOADED, 7)
    assert bench.say(observe_message(), b"a") == []
    assert isinstance(bench.serve_one().message, Act)
    assert isinstance(bench.say(hello_message(rate_hz=1.0), b"c")[0], Welcome)
