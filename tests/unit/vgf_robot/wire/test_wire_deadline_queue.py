import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vgf_robot.controller import Budget
from vgf_robot.wire.deadline_queue import DeadlineQueue, Job


def job(client: str, sequence: int, deadline_ns: int, arrived_ns: int = 0) -> Job:
    return Job(
        identity=client.encode(),
        address=client.encode(),
        sequence=sequence,
        episode=1,
        seed=0,
        observation=np.zeros(1, np.float32),
        budget=Budget(),
        arrived_ns=arrived_ns,
        deadline_ns=deadline_ns,
    )


def test_an_empty_mailbox_gives_nothing():
    assert DeadlineQueue().take() is None


def test_the_newest_of_a_client_replaces_its_older_one():
    deadline_queue = DeadlineQueue()
    assert deadline_queue.put(job("a", 1, 100)) is None
    replaced = deadline_queue.put(job("a", 2, 200))
    assert replaced is not None
    assert replaced.sequence == 1
    assert len(deadline_queue) == 1
    taken = deadline_queue.take()
    assert taken is not None
    assert taken.sequence == 2


def test_equal_deadlines_are_served_in_the_order_of_arrival():
    deadline_queue = DeadlineQueue()
    deadline_queue.put(job("b", 1, 100, arrived_ns=5))
    deadline_queue.put(job("a", 1, 100, arrived_ns=4))
    assert [taken.identity for taken in (deadline_queue.take(), deadline_queue.take()) if taken] == [b"a", b"b"]


def test_what_a_client_left_can_be_forgotten():
    deadline_queue = DeadlineQueue()
    deadline_queue.put(job("a", 1, 100))
    assert deadline_queue.forget(b"a") is not None
    assert deadline_queue.forget(b"a") is None
    assert len(deadline_queue) == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50)), max_size=30))
def test_newest_per_client_earliest_deadline_first(puts):
    deadline_queue = DeadlineQueue()
    newest = {}
    for sequence, (client, deadline_ns) in enumerate(puts):
        deadline_queue.put(job(client, sequence, deadline_ns, arrived_ns=sequence))
        newest[client] = (deadline_ns, sequence)
    taken = []
    while (found := deadline_queue.take()) is not None:
        taken.append((found.deadline_ns, found.sequence))
    assert taken == sorted(newest.values())


def test_spare_time_is_shared_evenly_among_those_who_wait():
    deadline_queue = DeadlineQueue()
    for client in "bcd":
        deadline_queue.put(job(client, 1, 100))
    # Four answers of 10 leave 60 until their deadline: 15 each.
    assert deadline_queue.steps_until_ns(job("a", 1, 100), now_ns=0, cost_ns=10) == 25


def test_the_one_who_can_wait_least_says_how_much_is_spare():
    deadline_queue = DeadlineQueue()
    deadline_queue.put(job("b", 1, 30))
    deadline_queue.put(job("c", 1, 1000))
    assert deadline_queue.steps_until_ns(job("a", 1, 20), now_ns=0, cost_ns=10) == 10 + 10 // 3
    assert deadline_queue.steps_until_ns(job("a", 1, 5), now_ns=0, cost_ns=10) == 10  # nothing is spare: no step


@given(
    deadlines=st.lists(st.integers(0, 1000), min_size=1, max_size=8),
    cost=st.integers(1, 60),
    now=st.integers(0, 200),
)
def test_who_was_in_time_without_steps_is_in_time_with_shared_ones(deadlines, cost, now):
    """Every job ends when it may at the latest; whoever would have been in time without steps still is."""
    deadline_queue = DeadlineQueue()
    for index, deadline_ns in enumerate(deadlines):
        deadline_queue.put(job(str(index), 1, deadline_ns))
    feasible = all(now + turn * cost <= due for turn, due in enumerate(sorted(deadlines), start=1))
    time_ns = now
    while (taken := deadline_queue.take()) is not None:
        time_ns = max(time_ns + cost, deadline_queue.steps_until_ns(taken, time_ns, cost) - 1)
        assert not feasible or time_ns <= taken.deadline_ns
