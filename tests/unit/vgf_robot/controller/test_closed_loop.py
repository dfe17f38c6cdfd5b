"""Thousands of ticks on a fake clock, a period apart, as a robot asks for them."""

import numpy as np
import pytest

from tests.clocks import MS, always, scripted
from vgf_robot.controller import ControllerSettings, Rung, Status

PERIOD_NS = 50 * MS  # of the bundle
SETTINGS = {"window": 256, "miss_rate": 0.01, "margin_rise": 0.004, "warm_up_ticks": 10, "measured_ticks": 20}


def loop(rig, num_ticks, within_ns):
    """Tick at the start of each period and return the commands."""
    commands = []
    start_ns = rig.clock()
    for index in range(num_ticks):
        rig.clock.now_ns = max(rig.clock.now_ns, start_ns + index * PERIOD_NS)
        commands.append(rig.tick(within_ns))
    return commands


def missed(command):
    return not command.rung.fresh or command.status is Status.LATE


def test_a_step_that_never_fits_is_never_tried(make_rig):
    rig = make_rig(settings=ControllerSettings(**SETTINGS))
    commands = loop(rig, 5000, 3 * MS + MS // 2)  # reference 2 and select 1 fit, a step of 1 does not
    assert sum(map(missed, commands)) == 0
    assert {command.steps for command in commands} == {0}


def test_a_step_that_became_too_long_is_tried_as_rarely_as_the_miss_rate_says(make_rig):
    settings = ControllerSettings(**SETTINGS)
    rig = make_rig(settings=settings)
    rig.graphs.step_cost = always(5 * MS)
    steps = [command.steps for command in loop(rig, 5000, 5 * MS)]
    to_learn = 5 * MS / (settings.margin_rise * PERIOD_NS) + 1
    assert 0 < sum(steps) <= settings.miss_rate * 5000 + to_learn


def test_a_reference_that_never_fits_is_never_tried(make_rig):
    rig = make_rig(settings=ControllerSettings(**SETTINGS))
    rig.graphs.calls.clear()
    loop(rig, 2000, 2 * MS)
    assert "reference" not in rig.graphs.calls


@pytest.mark.parametrize(("stage", "times"), [("reference", 21), ("step", 1), ("select", 3)])
def test_a_spike_is_over_a_bounded_number_of_ticks_later(make_rig, stage, times):
    rig = make_rig(settings=ControllerSettings(**SETTINGS), action_kind="absolute")
    setattr(rig.graphs, f"{stage}_cost", scripted([100 * MS] * times, then_ns=MS))  # enough to be refused next
    commands = loop(rig, 2000, 8 * MS)
    assert [command.steps for command in commands[-1000:]] == [3] * 1000


@pytest.mark.parametrize(("max_age", "rescored"), [(0, 0), (1, 1), (3, 3)])
@pytest.mark.parametrize(("kind", "then"), [("absolute", Rung.HOLD), ("delta", Rung.SAFE)])
def test_particles_are_scored_again_only_while_they_are_young(make_rig, max_age, rescored, kind, then):
    rig = make_rig(settings=ControllerSettings(**SETTINGS, max_rescored_age_ticks=max_age), action_kind=kind)
    rig.tick()
    rungs = [command.rung for command in loop(rig, 3000, 2 * MS)]  # time for a selection, never for a reference
    assert rungs == [Rung.RESCORED] * rescored + [then] * (3000 - rescored)


def test_a_failing_policy_is_not_served_from_old_particles(make_rig):
    rig = make_rig(action_kind="absolute")
    rig.tick()
    good, faults = rig.graphs.action, {"on": True}
    rig.graphs.action = lambda particle: particle * np.nan if faults["on"] else good(particle)
    rig.graphs.noises.clear()
    rungs = {command.rung for command in loop(rig, 1000, None)}
    assert rungs == {Rung.HOLD}
    faults["on"] = False
    assert rig.tick().rung is Rung.TRANSPORT


def test_periods_without_a_tick_age_the_particles_too(make_rig):
    rig = make_rig(action_kind="absolute")
    rig.tick()
    rig.clock.advance(PERIOD_NS + PERIOD_NS // 2)
    assert rig.tick(2 * MS).rung is Rung.RESCORED
    rig.tick()
    rig.clock.advance(2 * PERIOD_NS)
    assert rig.tick(2 * MS).rung is Rung.HOLD


def test_the_rate_of_change_is_held_against_the_time_that_passed(make_rig):
    rig = make_rig(action_rate_limit=(1.0, 1.0))  # 0.05 per period
    rig.graphs.action = lambda particle: np.array([2.0, -2.0], np.float32)
    assert np.abs(rig.tick(PERIOD_NS).action).max() == 2.0  # the first action of an episode
    rig.graphs.action = lambda particle: np.zeros(2, np.float32)
    for waited_ns, allowed in ((0, 0.006), (4 * MS, 0.01), (44 * MS, 0.05), (400 * MS, 0.05)):
        before = rig.episode.previous_action
        rig.clock.advance(waited_ns)
        change = np.abs(rig.tick(PERIOD_NS).action - before).max()  # a tick takes 6 ms
        assert change == pytest.approx(allowed, abs=1e-6)


def test_without_a_deadline_one_period_is_taken_to_have_passed(make_rig):
    rig = make_rig(action_rate_limit=(1.0, 1.0))
    rig.graphs.action = lambda particle: np.array([2.0, -2.0], np.float32)
    first = rig.tick().action
    rig.graphs.action = lambda particle: np.zeros(2, np.float32)
    assert np.abs(rig.tick().action - first).max() == pytest.approx(0.05)


def test_another_episode_owes_nothing_to_the_one_before(make_rig):
    rig = make_rig(action_rate_limit=(1.0, 1.0))
    rig.graphs.action = lambda particle: np.array([2.0, -2.0], np.float32)
    rig.tick(PERIOD_NS)
    rig.graphs.action = lambda particle: np.array([-2.0, 2.0], np.float32)
    rig.episode = rig.controller.begin_episode(1)
    np.testing.assert_array_equal(rig.tick(PERIOD_NS).action, [-2.0, 2.0])
