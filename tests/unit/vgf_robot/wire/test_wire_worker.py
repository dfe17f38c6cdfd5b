import logging

import pytest

from vgf_robot.controller import Status
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import NO_DEADLINE_US, Act, ErrorReply

MS = 1_000_000


def test_nothing_waits_nothing_happens(bench):
    assert bench.serve_one() is None


def test_the_answer_carries_the_command_and_where_the_time_went(bench, observe_message):
    bench.greet()
    bench.say(observe_message(sequence=2, episode=5))
    bench.clock.now_ns += 4 * MS
    outgoing = bench.serve_one()
    act = outgoing.message
    assert isinstance(act, Act)
    assert (act.sequence, act.episode, act.episode_tick) == (2, 5, 1)
    assert act.timings.queue_ns == 4 * MS
    assert act.timings.tick_ns == 10 * MS
    assert act.timings.server_ns == 14 * MS
    assert act.valid_for_us == 100_000
    assert outgoing.deadline_ns == bench.clock.now_ns - 14 * MS + 45 * MS


def test_the_controller_gets_the_deadline_less_the_handover(make_bench, observe_message):
    bench = make_bench(handover_us=300)
    bench.greet()
    bench.say(observe_message(deadline_us=20_000))
    arrived_ns = bench.clock.now_ns
    bench.serve_one()
    assert bench.controller.asked[0].deadline_ns == arrived_ns + 20 * MS - 300_000


def test_the_longest_deadline_is_none(bench, observe_message):
    bench.greet()
    bench.say(observe_message(deadline_us=NO_DEADLINE_US))
    assert bench.serve_one().deadline_ns == bench.clock.now_ns - 10 * MS + 1000 * NO_DEADLINE_US
    assert bench.controller.asked[0].deadline_ns is None


def test_a_deadline_that_has_passed_is_still_the_controllers_to_answer(bench, observe_message):
    bench.greet()
    bench.say(observe_message(deadline_us=0))
    bench.clock.now_ns += MS
    assert bench.serve_one().message.status is Status.LATE


def test_the_most_urgent_client_goes_first(bench, observe_message):
    bench.greet(b"a", b"b", b"c")
    for client, deadline_us in ((b"a", 30_000), (b"b", 10_000), (b"c", 20_000)):
        bench.say(observe_message(deadline_us=deadline_us), client)
    assert [bench.serve_one().address for _ in range(3)] == [b"b", b"c", b"a"]


def test_waiting_counts_for_the_second_client(bench, observe_message):
    bench.greet(b"a", b"b")
    bench.say(observe_message(), b"a")
    bench.say(observe_message(), b"b")
    bench.serve_one()
    assert bench.serve_one().message.timings.queue_ns == 10 * MS


def test_the_first_in_line_leaves_time_for_the_others_and_the_last_has_all_that_is_left(make_bench, observe_message):
    bench = make_bench(handover_us=0)
    bench.greet(b"a", b"b")
    arrived_ns = bench.clock.now_ns
    bench.say(observe_message(deadline_us=20_000), b"a")
    bench.say(observe_message(deadline_us=20_000), b"b")
    bench.serve_one()
    bench.serve_one()
    # Two answers of 2 ms leave 16 ms until both are due: 8 each.
    assert [asked.steps_until_ns for asked in bench.controller.asked] == [arrived_ns + 10 * MS, None]


def test_nobody_starves_behind_a_client_in_a_hurry(bench, observe_message):
    bench.greet(b"hasty", b"patient")
    bench.say(observe_message(deadline_us=45_000), b"patient")
    served = []
    for sequence in range(2, 12):
        bench.say(observe_message(sequence=sequence, deadline_us=1), b"hasty")
        served.append(bench.serve_one().address)
    assert b"patient" in served[:6]


def test_another_episode_begins_with_its_seed_and_the_same_one_goes_on(bench, observe_message):
    bench.greet()
    ticks = []
    for sequence, (episode, seed) in enumerate([(1, 7), (1, 8), (2, 8), (1, 7)], start=2):
        bench.say(observe_message(sequence=sequence, episode=episode, seed=seed))
        ticks.append(bench.serve_one().message.episode_tick)
    assert bench.controller.seeds == [7, 8, 7]
    assert ticks == [1, 2, 1, 1]


def test_a_fault_inside_costs_one_answer_and_says_nothing_of_itself(bench, observe_message, caplog):
    bench.greet()
    bench.controller.fault = RuntimeError("/secret/path.onnx of library 1.2.3")
    with caplog.at_level(logging.ERROR):
        bench.say(observe_message(sequence=2))
        reply = bench.serve_one().message
    assert isinstance(reply, ErrorReply)
    assert (reply.kind, reply.sequence) == (ErrorKind.INTERNAL, 2)
    assert "secret" not in reply.expected + reply.found + reply.advice
    assert "secret" in caplog.text
    bench.controller.fault = None
    bench.say(observe_message(sequence=3))
    assert isinstance(bench.serve_one().message, Act)


def test_a_repeating_fault_does_not_fill_the_log(bench, observe_message, caplog):
    bench.greet()
    bench.controller.fault = RuntimeError("again")
    for sequence in range(2, 40):
        bench.say(observe_message(sequence=sequence))
        bench.serve_one()
    assert len(caplog.records) == 10
    assert bench.state.counters["error.internal"] == 38


def test_arrivals_during_a_tick_are_stamped_there(bench, observe_message):
    bench.greet()
    bench.say(observe_message())
    calls = []
    bench.worker.serve_one(lambda: calls.append(bench.clock.now_ns))
    assert calls


def test_a_client_that_left_is_not_ticked_for(bench, observe_message):
    bench.greet()
    bench.say(observe_message())
    bench.state.forget(b"a")
    assert bench.serve_one() is None
    assert bench.state.counters["missed"] == 1
    assert bench.controller.asked == []


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_seeds_reach_the_controller(bench, observe_message, seed):
    bench.greet()
    bench.say(observe_message(seed=seed))
    bench.serve_one()
    assert bench.controller.seeds == [seed]


def test_an_answer_that_does_not_leave_is_taken_back_from_its_episode(bench, observe_message):
    bench.greet()
    bench.say(observe_message())
    outgoing = bench.serve_one()
    bench.worker.take_back(outgoing)
    assert bench.state.sessions[b"a"].episode.taken_back == [outgoing.served.start]
    bench.state.forget(b"a")
    bench.worker.take_back(outgoing)  # nor is there anything to take back of a client that has gone
