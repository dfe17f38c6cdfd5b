"""The margin follows avoidable misses, and nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import MS, always, scripted
from vgf_robot.controller import Budget, Ceilings, Status
from vgf_robot.controller.margin import Margin

FULL = 10 * MS  # what a tick of the rig has: 6 ms of stages, 0.5 ms of margin
MARGIN = Margin(ns=100.0, rise_ns=100.0, miss_rate=0.1)


def test_a_miss_raises_it_and_ticks_in_time_lower_it_until_both_balance():
    assert MARGIN.after(avoidable_miss=True).ns == 190.0
    margin = MARGIN.after(avoidable_miss=True)
    for _ in range(9):
        margin = margin.after(avoidable_miss=False)
    assert margin.ns == pytest.approx(100.0)


def test_it_never_goes_below_zero():
    assert msgspec.structs.replace(MARGIN, ns=5.0).after(avoidable_miss=False).ns == 0.0


@given(
    needs=st.lists(st.integers(0, 10_000), max_size=300),
    rise=st.floats(1.0, 2_000.0),
    miss_rate=st.floats(0.0, 1.0),
)
def test_avoidable_misses_stay_under_the_rate_whatever_the_durations(needs, rise, miss_rate):
    """A step is taken where the margin leaves room for it, and misses where it needed more: see the class."""
    longest = 8_000
    margin, misses = Margin(ns=0.0, rise_ns=rise, miss_rate=miss_rate), 0
    for need in needs:
        taken = margin.ns <= longest
        missed = taken and need > margin.ns
        misses += missed
        margin = margin.after(avoidable_miss=missed)
        assert 0 <= margin.ns <= longest + rise
    assert misses <= miss_rate * len(needs) + (longest + rise) / rise + 1e-6


def test_a_miss_after_a_step_raises_the_margin(make_rig):
    rig = make_rig()
    before_ns = rig.controller.margin_ns()
    rig.graphs.select_cost = scripted([100 * MS], then_ns=MS)
    assert rig.tick(FULL).status is Status.LATE
    assert rig.controller.margin_ns() == 2 * before_ns


def test_a_miss_without_a_step_leaves_it_alone(make_rig):
    rig = make_rig()
    before_ns = rig.controller.margin_ns()
    rig.graphs.select_cost = always(100 * MS)
    command = rig.tick(4 * MS)  # time for no step
    assert (command.status, command.steps) == (Status.LATE, 0)
    rig.tick(MS // 2)  # time for nothing
    assert rig.controller.margin_ns() == before_ns


@pytest.mark.parametrize(("within_ns", "budget"), [(None, Budget()), (2 * MS, Budget(max_steps=0))])
def test_ticks_that_were_not_free_to_step_leave_it_alone(make_rig, within_ns, budget):
    rig = make_rig()
    rig.graphs.select_cost = always(100 * MS)
    before_ns = rig.controller.margin_ns()
    rig.tick(within_ns, budget=budget)
    assert rig.controller.margin_ns() == before_ns


def test_a_fallback_after_a_step_is_a_miss_that_a_smaller_budget_would_have_avoided(make_rig):
    rig = make_rig()
    before_ns = rig.controller.margin_ns()
    rig.graphs.step_cost = scripted([FULL], then_ns=MS)
    command = rig.tick(FULL)
    assert command.steps == 1
    assert not command.rung.fresh
    assert rig.controller.margin_ns() == 2 * before_ns


def test_what_follows_another_controller_goes_on_with_what_that_has_learned(make_rig):
    old, new, other = make_rig(), make_rig(), make_rig(max_steps=1)
    old.graphs.select_cost = scripted([100 * MS], then_ns=MS)
    old.tick(FULL)
    old.controller.set_ceilings(Ceilings(max_steps=2))
    for rig in (new, other):
        rig.controller.succeed(old.controller)
        assert rig.controller.margin_ns() == old.controller.margin_ns()
    assert (new.tick(FULL).steps, other.tick(FULL).steps) == (2, 1)
