"""The controller on real graphs."""

import numpy as np
import pytest

import vgf_robot
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, ControllerSettings, Status

SETTINGS = ControllerSettings(warm_up_ticks=1, measured_ticks=2)
OBSERVATION = np.array([0.5, -0.4, 0.3], np.float32)
SEALED = Budget()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle.load(make_bundle(tmp_path_factory.mktemp("bundles") / "tiny", max_steps=20))


@pytest.fixture(scope="module")
def controller(bundle):
    return Controller.open(bundle, settings=SETTINGS)


def actions(controller, seed, ticks, budgets=(SEALED,)):
    episode = controller.begin_episode(seed)
    return [controller.tick(episode, OBSERVATION, None, budgets[i % len(budgets)]).action for i in range(ticks)]


def test_opening_makes_costs_known(controller):
    costs = controller.costs()
    assert None not in (costs.reference.estimate_ns, costs.step.estimate_ns, costs.select.estimate_ns)


def test_transport_reaches_the_target_it_is_drawn_to(controller):
    command = controller.tick(controller.begin_episode(0), OBSERVATION, None)
    assert (command.status, command.steps) == (Status.ON_TIME, 20)
    # The action is twice the particle, which ends within one step of half the observation.
    np.testing.assert_allclose(command.action, OBSERVATION[:2], atol=2 * 0.05 + 1e-6)
    assert command.value > -(0.05**2) * 2


def test_more_steps_are_worth_more(controller):
    values = [
        controller.tick(controller.begin_episode(0), OBSERVATION, None, Budget(max_steps=n)).value for n in (0, 5)
    ]
    assert values[1] > values[0]


def test_an_episode_can_be_repeated_and_other_seeds_differ(controller):
    np.testing.assert_array_equal(actions(controller, 3, 4), actions(controller, 3, 4))
    assert not np.array_equal(actions(controller, 3, 4), actions(controller, 4, 4))


def test_other_episodes_in_between_change_nothing(controller):
    one, other = controller.begin_episode(1), controller.begin_episode(2)
    mixed = []
    for _ in range(3):
        mixed.append(controller.tick(one, OBSERVATION, None).action)
        controller.tick(other, -OBSERVATION, None, Budget(selection="softmax"))
    np.testing.assert_array_equal(mixed, actions(controller, 1, 3))


def test_other_variants_are_prepared_and_the_noise_of_a_tick_stays(controller):
    one_particle = Budget(num_particles=1)
    controller.prepare(one_particle)
    mixed = actions(controller, 5, 4, (SEALED, one_particle))
    plain = actions(controller, 5, 4)
    np.testing.assert_array_equal(mixed[::2], plain[::2])
    assert not np.array_equal(mixed[1::2], plain[1::2])


def test_public_names_are_found_and_others_are_not():
    assert vgf_robot.Controller is Controller
    assert set(vgf_robot.__all__) <= set(dir(vgf_robot))
    for name in vgf_robot.__all__:
        assert getattr(vgf_robot, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Robot'"):
        _ = vgf_robot.Robot
