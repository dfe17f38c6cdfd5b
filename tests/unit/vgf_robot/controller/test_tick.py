"""The anytime loop on a fake clock, to the nanosecond."""

import numpy as np
import pytest

from tests.clocks import MS, scripted
from vgf_robot.controller import Budget, Reason, Rung, Status
from vgf_robot.errors import BudgetError, ProtocolError

FULL = int(6.5 * MS)  # reference 2, three steps 3, select 1, margin 0.5


def outcome(command):
    return command.status, command.rung, command.reason, command.steps


def test_warm_up_makes_all_costs_known_and_forgets_the_first_runs(make_rig):
    rig = make_rig(warm=False)
    rig.graphs.reference_cost = scripted([500 * MS], then_ns=2 * MS)
    costs = rig.controller.costs()
    assert (costs.reference.estimate_ns, costs.step.estimate_ns, costs.select.estimate_ns) == (None, None, None)
    rig.controller.warm_up()
    assert costs.reference.estimate_ns == 2 * MS
    assert (costs.step.estimate_ns, costs.select.estimate_ns) == (MS, MS)


def test_without_a_deadline_the_whole_budget_is_spent(make_rig):
    command = make_rig().tick()
    assert outcome(command) == (Status.ON_TIME, Rung.TRANSPORT, Reason.COMPLETE, 3)
    timings = command.timings
    assert (timings.reference_ns, timings.step_ns, timings.select_ns) == (2 * MS, (MS, MS, MS), MS)
    assert timings.tick_ns == 6 * MS


@pytest.mark.parametrize(
    ("within_ns", "steps"),
    [(FULL, 3), (FULL - 1, 2), (FULL - MS, 2), (FULL - MS - 1, 1), (FULL - 2 * MS - 1, 0), (FULL - 3 * MS, 0)],
)
def test_a_step_is_taken_while_it_select_and_margin_fit(make_rig, within_ns, steps):
    command = make_rig().tick(within_ns)
    rung = Rung.TRANSPORT if steps else Rung.REFERENCE
    if steps == 3:
        assert outcome(command) == (Status.ON_TIME, rung, Reason.COMPLETE, 3)
    else:
        assert outcome(command) == (Status.TRUNCATED, rung, Reason.NO_TIME_FOR_STEP, steps)


def test_a_budget_of_no_steps_is_complete_without_them(make_rig):
    command = make_rig().tick(budget=Budget(max_steps=0))
    assert outcome(command) == (Status.ON_TIME, Rung.REFERENCE, Reason.COMPLETE, 0)
    assert command.displacement == 0.0


def test_steps_chain_and_the_command_tells_of_the_chosen_particle(make_rig):
    rig = make_rig(step_size=0.5)
    command = rig.tick()
    noise = rig.graphs.noises[0]
    chosen = noise[noise.sum(axis=1).argmax()] + np.float32(1.5)
    np.testing.assert_allclose(command.action, np.clip(chosen, -2, 2), rtol=1e-6)
    assert command.value == pytest.approx(chosen.sum(), rel=1e-6)
    assert command.displacement == pytest.approx(1.5 * np.sqrt(2), rel=1e-6)
    assert command.spread == 0.5
    assert command.limited == pytest.approx(np.abs(np.clip(chosen, -2, 2) - chosen).max(), abs=1e-6)
    assert rig.graphs.calls == ["reference", "step 0", "step 1", "step 2", "select"]


def test_when_the_reference_does_not_fit_the_last_particles_are_scored_again(make_rig):
    rig = make_rig()
    before = rig.tick()
    command = rig.tick(3 * MS)  # reference 2, select 1, and not a nanosecond left
    assert outcome(command) == (Status.FALLBACK, Rung.RESCORED, Reason.NO_TIME_FOR_REFERENCE, 0)
    np.testing.assert_array_equal(command.action, before.action)
    assert (command.value, command.displacement) == (before.value, before.displacement)


@pytest.mark.parametrize(("kind", "rung"), [("absolute", Rung.HOLD), ("delta", Rung.SAFE), ("torque", Rung.SAFE)])
def test_only_absolute_actions_are_held(make_rig, kind, rung):
    rig = make_rig(action_kind=kind, safe_action=(0.25, -0.25))
    before = rig.tick()
    command = rig.tick(MS - 1)  # not even a selection
    assert outcome(command) == (Status.FALLBACK, rung, Reason.NO_TIME_FOR_REFERENCE, 0)
    assert (command.value, command.spread, command.displacement) == (None, None, None)
    np.testing.assert_array_equal(command.action, before.action if rung is Rung.HOLD else [0.25, -0.25])


def test_the_first_tick_has_nothing_but_the_safe_action(make_rig):
    rig = make_rig(action_kind="absolute")
    command = rig.tick(0)
    assert outcome(command) == (Status.FALLBACK, Rung.SAFE, Reason.NO_TIME_FOR_REFERENCE, 0)
    assert command.timings.tick_ns == 0
    assert rig.graphs.calls == []


def test_a_deadline_that_has_passed_is_answered_at_once(make_rig):
    rig = make_rig()
    assert rig.tick(-5 * MS).rung is Rung.SAFE


def test_a_stage_that_overruns_leaves_no_time_for_select(make_rig):
    rig = make_rig()
    rig.graphs.reference_cost = scripted([8 * MS], then_ns=2 * MS)
    command = rig.tick(FULL)
    assert outcome(command) == (Status.FALLBACK, Rung.SAFE, Reason.NO_TIME_FOR_SELECT, 0)


def test_select_needs_no_margin_once_the_reference_has_run(make_rig):
    rig = make_rig()
    rig.graphs.reference_cost = scripted([FULL - MS], then_ns=2 * MS)
    command = rig.tick(FULL)
    assert outcome(command) == (Status.TRUNCATED, Rung.REFERENCE, Reason.NO_TIME_FOR_STEP, 0)


def test_a_fresh_action_after_the_deadline_is_late(make_rig):
    rig = make_rig()
    rig.graphs.select_cost = scripted([3 * MS], then_ns=MS)
    assert outcome(rig.tick(FULL)) == (Status.LATE, Rung.TRANSPORT, Reason.OVERRAN, 3)


def test_an_action_exactly_at_the_deadline_is_on_time(make_rig):
    rig = make_rig()
    rig.graphs.select_cost = scripted([MS + MS // 2], then_ns=MS)
    assert rig.tick(FULL).status is Status.ON_TIME


def test_one_spike_costs_the_next_ticks_no_more_than_one_rise_of_the_margin(make_rig):
    rig = make_rig()
    rig.graphs.step_cost = scripted([100 * MS], then_ns=MS)
    rig.tick(FULL)
    assert [rig.tick(FULL + MS // 2).steps for _ in range(10)] == [3] * 10


def test_steps_are_taken_again_a_bounded_number_of_ticks_after_they_were_slow_for_long(make_rig):
    rig = make_rig()
    rig.graphs.step_cost = scripted([100 * MS] * 5, then_ns=MS)
    for _ in range(5):
        rig.tick(FULL)
    steps = [rig.tick(FULL + 4 * MS).steps for _ in range(10)]
    assert steps[0] == 0
    assert steps[-1] == 3  # the window is 8


@pytest.mark.parametrize("stage", ["reference", "select"])
def test_a_spike_does_not_keep_a_fresh_action_from_being_tried(make_rig, stage):
    """Refusing these would be a sure miss, trying them again a possible one."""
    rig = make_rig()
    setattr(rig.graphs, f"{stage}_cost", scripted([100 * MS], then_ns=MS))
    rig.tick(FULL)
    assert rig.tick(FULL).rung.fresh


@pytest.mark.parametrize("stage", ["reference", "select"])
def test_a_stage_that_was_slow_for_long_is_tried_again_a_bounded_number_of_ticks_later(make_rig, stage):
    rig = make_rig()
    setattr(rig.graphs, f"{stage}_cost", scripted([100 * MS] * 3, then_ns=MS))  # more than half of what is known
    for _ in range(3):
        rig.tick(FULL)
    rungs = [rig.tick(FULL).rung for _ in range(10)]
    assert rungs[0] not in (Rung.TRANSPORT, Rung.REFERENCE)
    assert rungs[-1] is Rung.TRANSPORT


def test_unknown_costs_are_tried_while_there_is_time(make_rig):
    rig = make_rig(warm=False)
    assert rig.tick(0).rung is Rung.SAFE
    assert outcome(rig.tick(10 * MS)) == (Status.ON_TIME, Rung.TRANSPORT, Reason.COMPLETE, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_observation_that_is_not_finite_never_reaches_the_graphs(make_rig, value):
    rig = make_rig(action_kind="absolute")
    before = rig.tick()
    rig.graphs.calls.clear()
    rig.observation[1] = value
    command = rig.tick()
    assert outcome(command) == (Status.FALLBACK, Rung.HOLD, Reason.NON_FINITE_OBSERVATION, 0)
    np.testing.assert_array_equal(command.action, before.action)
    assert rig.graphs.calls == []


def test_an_action_that_is_not_finite_is_replaced(make_rig):
    rig = make_rig()
    before = rig.tick()
    good = rig.graphs.action
    faults = scripted([1], then_ns=0)
    rig.graphs.action = lambda particle: particle * np.nan if faults() else good(particle)
    command = rig.tick()
    assert outcome(command) == (Status.FALLBACK, Rung.RESCORED, Reason.NON_FINITE_ACTION, 3)
    np.testing.assert_array_equal(command.action, before.action)
    rig.graphs.action = lambda particle: particle * np.nan
    assert rig.tick().rung is Rung.SAFE


def test_observations_outside_the_training_range_are_counted(make_rig):
    rig = make_rig()
    rig.observation[:] = (1.0, -1.0, 2.0)
    assert rig.tick().num_outside == 0
    rig.observation[:] = (1.01, -3.0, 2.0)
    assert rig.tick().num_outside == 2


def test_between_stages_is_called_before_each_stage_and_its_time_counts(make_rig):
    rig = make_rig()
    command = rig.tick(FULL, between_stages=lambda: rig.clock.advance(MS // 4))
    assert outcome(command) == (Status.TRUNCATED, Rung.TRANSPORT, Reason.NO_TIME_FOR_STEP, 2)
    assert command.timings.tick_ns == 6 * MS  # before reference, two steps, and the third, which then did not fit
    rig.graphs.calls.clear()
    rig.tick(between_stages=lambda: rig.graphs.calls.append("between"))
    assert rig.graphs.calls[::2] == ["between"] * 5


@pytest.mark.parametrize(
    "observation", [np.zeros(2, np.float32), np.zeros(3), np.zeros((1, 3), np.float32), [0.0, 0.0, 0.0]]
)
def test_what_is_no_observation_is_refused_before_the_tick(make_rig, observation):
    rig = make_rig()
    with pytest.raises(ProtocolError, match=r"Observation: expected .*float32 \(3,\)"):
        rig.controller.tick(rig.episode, observation, None)
    assert (rig.episode.tick, rig.graphs.calls) == (0, [])


def test_a_variant_that_is_not_loaded_is_refused_before_the_tick(make_rig):
    rig = make_rig()
    with pytest.raises(BudgetError, match="call `prepare`"):
        rig.tick(budget=Budget(num_particles=1))
    with pytest.raises(BudgetError, match="a way to load it"):
        rig.controller.prepare(Budget(num_particles=1))
    assert rig.episode.tick == 0


def test_an_answer_cannot_be_changed_behind_the_controllers_back(make_rig):
    with pytest.raises(ValueError, match="read-only"):
        make_rig().tick().action[0] = 1.0


@pytest.mark.parametrize(("selection", "weight"), [("argmax", 1.0), ("uniform", 0.0), ("softmax", 2.0)])
def test_selection_is_a_weight_and_a_noise(make_rig, selection, weight):
    rig = make_rig(temperature=0.5)
    rig.tick(budget=Budget(selection=selection))
    assert rig.graphs.weights[-1] == weight
    assert (rig.graphs.selection_noises[-1] == 0).all() == (selection == "argmax")


def test_others_that_wait_end_the_steps_and_cost_no_deadline(make_rig):
    rig = make_rig()
    before_ns = rig.controller.margin_ns()
    command = rig.tick(FULL, steps_until_ns=rig.clock() + 5 * MS)  # reference 2, two steps, selection 1
    assert (command.status, command.reason, command.steps) == (Status.TRUNCATED, Reason.NO_TIME_FOR_STEP, 2)
    command = rig.tick(FULL, steps_until_ns=rig.clock())
    assert (command.steps, command.rung) == (0, Rung.REFERENCE)
    assert rig.controller.margin_ns() == before_ns
