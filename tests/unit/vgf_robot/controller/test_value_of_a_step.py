"""Steps that gain too little are not followed by others."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from vgf_robot.controller import Budget, Reason, Status, resolve
from vgf_robot.errors import BudgetError

# A step of the rig adds its size to both entries of every particle, and the value is their sum: 0.1 more per step.
GAIN = 0.1


@pytest.mark.parametrize(
    ("min_gain", "steps", "reason"),
    [
        (None, 3, Reason.COMPLETE),
        (0.5 * GAIN, 3, Reason.COMPLETE),
        (2 * GAIN, 2, Reason.GAINED_TOO_LITTLE),  # what the first step gained is known after the second
    ],
)
def test_steps_end_when_one_gained_too_little(make_rig, min_gain, steps, reason):
    command = make_rig().tick(budget=Budget(min_gain=min_gain))
    assert (command.steps, command.reason, command.status) == (steps, reason, Status.ON_TIME)


def test_a_last_step_that_gained_too_little_is_a_complete_budget(make_rig):
    command = make_rig().tick(budget=Budget(min_gain=2 * GAIN, max_steps=2))
    assert (command.steps, command.reason) == (2, Reason.COMPLETE)


def test_values_that_are_no_numbers_do_not_end_the_steps(make_rig):
    rig = make_rig()
    step = rig.graphs.step
    rig.graphs.step = lambda *inputs: replace(step(*inputs), values=np.full(4, np.nan, np.float32))
    assert rig.tick(budget=Budget(min_gain=GAIN)).steps == 3


def test_a_request_may_ask_for_more_gain_and_not_for_less(make_rig):
    manifest = make_rig().controller.manifest
    point = msgspec.structs.replace(manifest.operating_point, min_gain=0.2)
    sealed = msgspec.structs.replace(manifest, operating_point=point)
    assert resolve(Budget(), sealed).min_gain == 0.2
    assert resolve(Budget(min_gain=0.3), sealed).min_gain == 0.3
    for wrong in (0.1, float("nan"), float("inf")):
        with pytest.raises(BudgetError, match=r"min_gain: expected a finite number of at least 0\.2"):
            resolve(Budget(min_gain=wrong), sealed)
    with pytest.raises(BudgetError, match="min_gain: expected a positive, finite number"):
        resolve(Budget(min_gain=0.0), manifest)
