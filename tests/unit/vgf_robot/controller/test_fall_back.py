"""The ladder without a tick, for a robot whose newest observation is too old."""

import numpy as np
import pytest

from tests.clocks import MS
from vgf_robot.controller import Reason, Rung, Status


@pytest.mark.parametrize(("kind", "rung"), [("absolute", Rung.HOLD), ("delta", Rung.SAFE), ("torque", Rung.SAFE)])
def test_only_absolute_actions_are_held(make_rig, kind, rung):
    rig = make_rig(action_kind=kind, safe_action=(0.25, -0.25))
    before = rig.tick()
    rig.graphs.calls.clear()
    command = rig.controller.fall_back(rig.episode, Reason.STALE_OBSERVATION)
    assert (command.status, command.rung, command.reason) == (Status.FALLBACK, rung, Reason.STALE_OBSERVATION)
    np.testing.assert_array_equal(command.action, before.action if rung is Rung.HOLD else [0.25, -0.25])
    assert (command.value, command.steps, command.num_outside) == (None, 0, 0)
    assert rig.graphs.calls == []


@pytest.mark.parametrize("reason", [Reason.STALE_OBSERVATION, Reason.OVERRAN])
def test_no_particles_are_scored_again_without_an_observation(make_rig, reason):
    rig = make_rig()
    rig.tick()
    assert rig.controller.fall_back(rig.episode, reason).rung is Rung.SAFE
    assert rig.graphs.calls.count("select") == 1


def test_with_nothing_to_hold_the_safe_action_comes(make_rig):
    rig = make_rig(action_kind="absolute", safe_action=(0.25, -0.25))
    command = rig.controller.fall_back(rig.episode, Reason.STALE_OBSERVATION)
    assert (command.rung, command.action.tolist()) == (Rung.SAFE, [0.25, -0.25])


def test_the_episode_goes_on(make_rig):
    rig = make_rig()
    rig.controller.fall_back(rig.episode, Reason.STALE_OBSERVATION)
    assert rig.episode.tick == 1
    assert rig.tick().rung is Rung.TRANSPORT


def test_the_rate_limit_holds(make_rig):
    rig = make_rig(action_rate_limit=(1.0, 1.0), safe_action=(-2.0, -2.0))
    before = rig.tick()
    command = rig.controller.fall_back(rig.episode, Reason.STALE_OBSERVATION)
    np.testing.assert_allclose(command.action, before.action - 0.05, atol=1e-6)


def test_the_margin_does_not_learn_from_it(make_rig):
    rig = make_rig()
    rig.tick(20 * MS)
    before = rig.controller.margin_ns()
    rig.controller.fall_back(rig.episode, Reason.STALE_OBSERVATION)
    assert rig.controller.margin_ns() == before
