"""An operator's ceilings lower what a tick runs at, and never raise it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import MS
from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller import Budget, Ceilings
from vgf_robot.errors import BudgetError

POSITIVE = st.floats(1e-6, 1e6)
POINTS = st.builds(
    OperatingPoint,
    num_particles=st.just(4),
    reference_steps=st.just(2),
    max_steps=st.integers(0, 20),
    step_size=POSITIVE,
    max_distance=st.none() | POSITIVE,
)
CEILINGS = st.builds(
    Ceilings,
    max_steps=st.none() | st.integers(0, 20),
    step_size=st.none() | POSITIVE,
    max_distance=st.none() | POSITIVE,
)


def no_limit(value):
    return math.inf if value is None else value


@given(POINTS, CEILINGS)
def test_each_number_is_the_smaller_of_the_two_and_nothing_else_changes(point, ceilings):
    lowered = ceilings.lower(point)
    for name in ("max_steps", "step_size", "max_distance"):
        asked, ceiling = no_limit(getattr(point, name)), no_limit(getattr(ceilings, name))
        assert no_limit(getattr(lowered, name)) == min(asked, ceiling)
    assert (lowered.num_particles, lowered.selection, lowered.min_gain) == (4, "argmax", None)
    assert ceilings.lower(lowered) == lowered


def test_none_leaves_everything():
    point = OperatingPoint(num_particles=1, reference_steps=2, max_steps=3, step_size=0.1)
    assert Ceilings().lower(point) == point


@pytest.mark.parametrize(
    "wrong", [{"max_steps": -1}, {"step_size": 0.0}, {"step_size": math.nan}, {"max_distance": math.inf}]
)
def test_a_ceiling_without_meaning_is_refused(wrong):
    with pytest.raises(BudgetError, match=next(iter(wrong))):
        Ceilings(**wrong)


def test_they_act_on_the_next_tick_whatever_it_asks_for(make_rig):
    rig = make_rig(max_steps=3)
    assert rig.tick().steps == 3
    rig.controller.set_ceilings(Ceilings(max_steps=1))
    assert rig.tick().steps == 1
    assert rig.tick(budget=Budget(max_steps=2)).steps == 1
    assert rig.tick(budget=Budget(max_steps=0)).steps == 0
    rig.controller.set_ceilings(Ceilings())
    assert rig.tick(budget=Budget(max_steps=2)).steps == 2


def test_what_the_bundle_refuses_is_refused_under_them_too(make_rig):
    rig = make_rig(max_steps=3)
    rig.controller.set_ceilings(Ceilings(max_steps=1))
    with pytest.raises(BudgetError, match="max_steps"):
        rig.tick(budget=Budget(max_steps=4))


def test_the_point_really_used_is_known(make_rig):
    rig = make_rig(max_steps=3, step_size=0.2)
    rig.controller.set_ceilings(Ceilings(step_size=0.05, max_distance=0.1))
    point = rig.controller.point(Budget(max_steps=2))
    assert (point.max_steps, point.step_size, point.max_distance) == (2, 0.05, 0.1)
    assert rig.controller.point().max_steps == 3


def test_a_ceiling_of_distance_reaches_the_step_graph(make_rig):
    rig = make_rig(max_steps=3)
    asked = []
    step = rig.graphs.step
    rig.graphs.step = lambda *arguments: (asked.append(arguments[-2:]), step(*arguments))[1]
    rig.controller.set_ceilings(Ceilings(step_size=0.01, max_distance=0.02))
    rig.tick(within_ns=40 * MS)
    assert set(asked) == {(0.01, 0.02)}
