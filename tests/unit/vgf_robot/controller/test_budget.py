"""A request may be more cautious than the bundle, never less."""

import math
import re

import msgspec
import numpy as np
import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, resolve
from vgf_robot.errors import BudgetError


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """Manifests by whether they are sealed; the sealed one has a largest distance."""
    folder = tmp_path_factory.mktemp("bundles")
    return {
        sealed: Bundle.load(
            make_bundle(folder / str(sealed), sealed=sealed, max_distance=0.2 if sealed else None, max_steps=3)
        ).manifest
        for sealed in (False, True)
    }


def test_an_empty_budget_is_the_bundles_setting(manifests):
    assert resolve(Budget(), manifests[True]) == manifests[True].operating_point


def test_numpys_numbers_become_plain(manifests):
    budget = Budget(max_steps=np.int64(2), num_particles=np.uint8(1), max_distance=np.float32(0.1), step_size=1)
    none = type(None)
    assert [type(value) for value in msgspec.structs.astuple(budget)] == [int, float, float, none, int, none]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(budget), type=Budget) == budget
    assert resolve(budget, manifests[False]).max_steps == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_steps": 1.5},
        {"max_steps": "3"},
        {"max_steps": 2**70},
        {"num_particles": -(2**70)},
        {"step_size": "small"},
        {"max_distance": [0.1]},
        {"max_distance": 1j},
        {"step_size": 10**400},
        {"selection": 3},
    ],
)
def test_what_is_no_number_of_its_kind_is_said_at_once(wrong):
    name = next(iter(wrong))
    with pytest.raises(BudgetError, match=f"{name}: expected a"):
        Budget(**wrong)


def test_each_part_can_be_lowered(manifests):
    budget = Budget(max_steps=0, step_size=0.01, max_distance=0.1, num_particles=1, selection="uniform")
    point = resolve(budget, manifests[True])
    found = (point.max_steps, point.step_size, point.max_distance, point.num_particles, point.selection)
    assert found == (0, 0.01, 0.1, 1, "uniform")
    assert point.reference_steps == 2


REFUSED = {
    "max_steps: expected 0 to 3 (the bundle's cap), found 4;": Budget(max_steps=4),
    "max_steps: expected 0 to 3 (the bundle's cap), found -1;": Budget(max_steps=-1),
    "step_size: expected above 0 and at most 0.05 (sealed in the bundle), found 0.06;": Budget(step_size=0.06),
    "step_size: expected above 0 and at most 0.05 (sealed in the bundle), found 0;": Budget(step_size=0.0),
    "step_size: expected above 0 and at most 0.05 (sealed in the bundle), found nan;": Budget(step_size=math.nan),
    "max_distance: expected above 0 and at most 0.2 (the bundle's own), found 0.3;": Budget(max_distance=0.3),
    "max_distance: expected above 0 and at most 0.2 (the bundle's own), found inf;": Budget(max_distance=math.inf),
    "num_particles: expected one of [1, 4] (the bundle's variants at 2 reference steps), found 2;": Budget(
        num_particles=2
    ),
    "selection: expected argmax, softmax, uniform, found 'argmin'; did you mean 'argmax'?": Budget(
        selection="argmin"  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_a_sealed_bundle_refuses(manifests, sentence):
    with pytest.raises(BudgetError, match=re.escape(sentence)):
        resolve(REFUSED[sentence], manifests[True])


def test_a_gain_that_no_step_could_tell_is_refused(manifests):
    manifest = manifests[True]
    silent = msgspec.structs.replace(manifest, transport=msgspec.structs.replace(manifest.transport, step_values=False))
    assert resolve(Budget(), silent).min_gain is None
    assert resolve(Budget(min_gain=0.5), manifest).min_gain == 0.5
    with pytest.raises(BudgetError, match=r"min_gain: the steps of this bundle state no values .*, found 0\.5; leave"):
        resolve(Budget(min_gain=0.5), silent)


def test_an_unsealed_step_size_may_be_raised_to_one(manifests):
    assert resolve(Budget(step_size=1.0), manifests[False]).step_size == 1.0
    with pytest.raises(BudgetError, match=re.escape("at most 1 (the limit), found 1.5;")):
        resolve(Budget(step_size=1.5), manifests[False])


def test_a_bundle_without_a_largest_distance_takes_any_finite_one(manifests):
    assert resolve(Budget(max_distance=7.0), manifests[False]).max_distance == 7.0
    assert resolve(Budget(), manifests[False]).max_distance is None
    with pytest.raises(BudgetError, match="max_distance: expected a positive, finite number, found inf"):
        resolve(Budget(max_distance=math.inf), manifests[False])


def test_the_cap_holds_for_unsealed_bundles_too(manifests):
    with pytest.raises(BudgetError):
        resolve(Budget(max_steps=4), manifests[False])
