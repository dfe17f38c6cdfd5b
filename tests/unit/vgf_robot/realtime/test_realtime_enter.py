"""What is asked for is put in force in the order that works, or refused in one sentence that says how to get it."""

import math

import pytest

from tests.unit.vgf_robot.realtime.systems import MEGABYTE, FakeSystem
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.realtime import Capability, RealTimeSettings, enter

EVERYTHING = RealTimeSettings(lock_memory=True, fifo_priority=40, cores=(1, 2))


def test_without_a_wish_only_garbage_is_frozen():
    system = FakeSystem()
    in_force = enter(RealTimeSettings(), system)
    assert system.calls == [("freeze",)]
    assert in_force == "ordinary priority, any core, memory not locked, garbage frozen"


def test_nothing_at_all_is_possible():
    system = FakeSystem(is_linux=False)
    assert enter(RealTimeSettings(freeze_garbage=False), system).endswith("garbage collected as usual")
    assert system.calls == []


def test_everything_is_put_in_force_and_the_priority_comes_last():
    system = FakeSystem()
    wanted = frozenset({1, 2})
    assert enter(EVERYTHING, system) == "SCHED_FIFO 40, cores 1,2, memory locked, garbage frozen"
    assert system.calls == [
        ("freeze",),
        ("raise limit",),
        ("lock",),
        ("cores", 0, wanted),
        ("cores", 100, wanted),
        ("cores", 101, wanted),
        ("fifo", 0, 41),  # whether the threads of the network may have theirs
        ("fifo", 0, 40),
        ("fifo", 100, 40),
        ("fifo", 101, 40),
    ]


@pytest.mark.parametrize(
    "system",
    [
        FakeSystem(capabilities=frozenset({Capability.IPC_LOCK}), soft_bytes=0, hard_bytes=0),
        FakeSystem(soft_bytes=math.inf),
        FakeSystem(soft_bytes=1000 * MEGABYTE, hard_bytes=1000 * MEGABYTE),
    ],
    ids=["capability", "unlimited", "large"],
)
def test_memory_is_locked_where_the_limit_allows_it(system):
    enter(RealTimeSettings(lock_memory=True), system)
    assert system.calls == [("freeze",), ("lock",)]


@pytest.mark.parametrize("hard_bytes", [8 * MEGABYTE, 999 * MEGABYTE])
def test_memory_is_not_locked_where_later_allocations_would_fail(hard_bytes):
    system = FakeSystem(hard_bytes=hard_bytes)
    with pytest.raises(MachineError, match=r"expected a limit of 1000 MB .* memlock unlimited.*LimitMEMLOCK=infinity"):
        enter(RealTimeSettings(lock_memory=True), system)
    assert system.calls == [("freeze",)]


def test_a_refusal_to_lock_is_said():
    with pytest.raises(MachineError, match=r"Cannot allocate memory.*limits\.conf"):
        enter(RealTimeSettings(lock_memory=True), FakeSystem(refuses_to_lock=True))


@pytest.mark.parametrize("highest", [0, 40])
def test_a_priority_that_is_not_permitted_changes_nothing_and_says_how(highest):
    system = FakeSystem(highest_priority=highest)
    with pytest.raises(
        MachineError, match=r"priority 40 is not permitted.*rtprio 41.*LimitRTPRIO=41.*setcap"
    ) as caught:
        enter(RealTimeSettings(fifo_priority=40), system)
    assert caught.value.exit_code == 3
    assert system.calls == [("freeze",)]


@pytest.mark.parametrize(("cores", "missing"), [((3, 9), "9"), ((7, 9), "7,9")])
def test_cores_that_are_not_there_are_named_and_nothing_is_bound(cores, missing):
    system = FakeSystem()
    with pytest.raises(ConfigError, match=rf"found {missing} among them; it runs on 0,1,2,3"):
        enter(RealTimeSettings(cores=cores), system)
    assert system.mine == {0, 1, 2, 3}
    assert all(thread == 0 for _, thread, *_ in system.calls[1:])


@pytest.mark.parametrize("wish", [{"fifo_priority": 1}, {"cores": (0,)}, {"lock_memory": True}])
def test_elsewhere_than_on_linux_one_sentence_says_so(wish):
    system = FakeSystem(is_linux=False)
    with pytest.raises(MachineError, match="on Linux only"):
        enter(RealTimeSettings(**wish), system)
    assert system.calls == []
