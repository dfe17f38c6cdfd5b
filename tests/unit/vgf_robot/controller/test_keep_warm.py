"""Ticks for nobody: when there is one, and what it leaves alone."""

import numpy as np
import pytest

from tests.clocks import MS, always
from vgf_robot.controller import KeepWarm

EVERY_S = 1.0
SECOND = 1000 * MS


@pytest.fixture
def rig(make_rig):
    return make_rig()


def test_there_is_one_where_nothing_ran_for_so_long_and_not_before(rig):
    keeping = KeepWarm(EVERY_S, rig.clock)
    rig.clock.advance(SECOND - 1)
    assert not keeping.turn(rig.controller)
    keeping.ran()
    rig.clock.advance(1)
    assert not keeping.turn(rig.controller)
    rig.clock.advance(SECOND)
    assert keeping.turn(rig.controller)
    assert rig.graphs.calls[-5:] == ["reference", "step 0", "step 1", "step 2", "select"]
    assert not keeping.turn(rig.controller)


def test_none_where_that_was_said(rig):
    keeping = KeepWarm(None, rig.clock)
    rig.clock.advance(10**6 * SECOND)
    assert not keeping.turn(rig.controller)


def test_no_margin_learns_from_it_and_no_robots_action_changes(make_rig):
    actions = []
    for warmed in (False, True):
        rig = make_rig()
        rig.tick(None)
        before_ns = rig.controller.margin_ns()
        if warmed:
            rig.graphs.select_cost = always(100 * MS)
            keeping = KeepWarm(EVERY_S, rig.clock)
            rig.clock.advance(SECOND)
            assert keeping.turn(rig.controller)
            assert rig.controller.margin_ns() == before_ns
        actions.append(rig.tick(None).action)
    np.testing.assert_array_equal(*actions)


def test_what_arrives_meanwhile_is_stamped(rig):
    keeping, stamped = KeepWarm(EVERY_S, rig.clock), []
    rig.clock.advance(SECOND)
    assert keeping.turn(rig.controller, between_stages=lambda: stamped.append(rig.clock()))
    assert len(stamped) == 5


def test_one_that_fails_is_the_last_and_stops_nobody(rig, caplog):
    keeping = KeepWarm(EVERY_S, rig.clock)

    def fail(*_):
        raise RuntimeError("no idea")

    rig.graphs.action = fail
    for expected in (True, False):
        rig.clock.advance(SECOND)
        assert keeping.turn(rig.controller) is expected
    assert "there will be no more of them" in caplog.text
