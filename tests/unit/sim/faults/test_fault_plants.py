"""Plants with faults: severity 0 is no fault to the last bit, equal seeds are equal faults, nothing stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.faults import Condition, FaultSet, faulty_plant, require_applicable
from sim.faults.action import ActionDelay, Motors
from sim.faults.plants import MotorFaultPlant
from sim.plants import DivisiblePlant, open_plant
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle, Field, Manifest
from vgf_robot.config import from_mapping
from vgf_robot.errors import ConfigError, PlantError

ARM = str(Path(__file__).parents[4] / "docs" / "examples" / "my-arm" / "arm.yaml")
NUM_PERIODS = 12
KINDS = {
    "mass": {"factor": 3.0},
    "friction": {"factor": 0.2},
    "damping": {"factor": 4.0},
    "actuator_gain": {"factor": 0.4},
    "gravity_tilt": {"degrees": 20.0},
    "initial_pose": {"size": 0.1},
    "action_delay": {"delay_s": 0.011},
    "action_rate_limit": {"ranges_per_s": 5.0},
    "action_quantisation": {"step": 0.3},
    "dead_zone": {"width": 0.2},
    "observation_bias": {"size": 0.2},
    "observation_noise": {"std": 0.1},
    "stuck_sensor": {"share": 0.9},
    "drop_out": {"probability": 0.5},
    "observation_delay": {"periods": 2},
}


def fault_set(*kinds: str) -> FaultSet:
    return from_mapping({kind: KINDS[kind] for kind in kinds}, FaultSet, "test")


@pytest.fixture(scope="module")
def hopper() -> Iterator[DivisiblePlant]:
    plant = open_plant("Hopper-v5")
    yield plant
    plant.close()


def manifest_of(plant: DivisiblePlant, folder: Path) -> Manifest:
    tiny = Bundle.load(make_bundle(folder / "bundle")).manifest
    size, actions = plant.observation_size, plant.action_size
    return msgspec.structs.replace(
        tiny,
        observation=(Field(name="state", size=size, unit="1", low=(-1.0,) * size, high=(1.0,) * size),),
        action=(Field(name="torque", size=actions, unit="1", low=(-1.0,) * actions, high=(1.0,) * actions),),
        safe_action=(0.0,) * actions,
        action_kind="torque",
    )


@pytest.fixture(scope="module")
def manifest(hopper: DivisiblePlant, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return manifest_of(hopper, tmp_path_factory.mktemp("manifest"))


Apply = Callable[[DivisiblePlant, np.ndarray], np.ndarray]


def whole(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
    return plant.apply(action).observation


def divided(plant: DivisiblePlant, action: np.ndarray) -> np.ndarray:
    plant.apply_part(None, 1)
    return plant.apply(action).observation


def trajectory(plant: DivisiblePlant, seed: int = 3, apply: Apply = whole) -> np.ndarray:
    rng = np.random.default_rng(0)
    observations = [plant.reset(seed)]
    for _ in range(NUM_PERIODS):
        action = rng.uniform(plant.action_low, plant.action_high).astype(np.float32)
        observations.append(apply(plant, action))
    return np.array(observations)


@pytest.mark.parametrize("apply", [whole, divided])
@pytest.mark.parametrize("kind", KINDS)
def test_it_follows_from_the_seed_and_leaves_nothing_behind(
    hopper: DivisiblePlant, manifest: Manifest, kind: str, apply: Apply
) -> None:
    before = trajectory(hopper, apply=apply)
    faults = fault_set(kind)
    require_applicable(hopper, faults, manifest, has_deadline=False)
    with faulty_plant(hopper, Condition(faults=faults), manifest) as faulty:
        found = trajectory(faulty, apply=apply)
        assert not np.array_equal(found, before)
        trajectory(faulty, seed=4, apply=apply)
        assert np.array_equal(trajectory(faulty, apply=apply), found)
    assert np.array_equal(trajectory(hopper, apply=apply), before)
    with faulty_plant(hopper, Condition(faults=faults, severity=0.0), manifest) as faulty:
        assert np.array_equal(trajectory(faulty, apply=apply), before)


@given(st.sets(st.sampled_from(sorted(KINDS)), min_size=1), st.integers(0, 1000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_of_them_together_at_severity_0_are_no_fault(
    hopper: DivisiblePlant, manifest: Manifest, kinds: set[str], seed: int
) -> None:
    expected = trajectory(hopper, seed)
    with faulty_plant(hopper, Condition(faults=fault_set(*kinds), severity=0.0), manifest) as faulty:
        assert np.array_equal(trajectory(faulty, seed), expected)
    with faulty_plant(hopper, Condition(faults=fault_set(*kinds), severity=0.5), manifest) as faulty:
        found = trajectory(faulty, seed)
        assert found.dtype == np.float32
        assert np.array_equal(trajectory(faulty, seed), found)
    assert np.array_equal(trajectory(hopper, seed), expected)


def test_the_order_in_a_file_does_not_matter_and_that_of_the_fields_does(
    hopper: DivisiblePlant, manifest: Manifest
) -> None:
    kinds = ("stuck_sensor", "observation_noise", "observation_bias")
    one, other = fault_set(*kinds), fault_set(*reversed(kinds))
    assert one == other
    assert [type(fault).__name__ for fault in one.of_observations] == [
        "ObservationBias",
        "ObservationNoise",
        "StuckSensor",
    ]
    # A value that is stuck is not noisy any more, because it gets stuck after the noise.
    faults = from_mapping({"stuck_sensor": {}, "observation_noise": {"std": 0.5}}, FaultSet, "test")
    with faulty_plant(hopper, Condition(faults=faults), manifest) as faulty:
        found = trajectory(faulty)
    assert (found == found[0]).all()


def test_a_fault_does_not_change_the_random_numbers_of_another(hopper: DivisiblePlant, manifest: Manifest) -> None:
    def first(*kinds: str) -> np.ndarray:
        with faulty_plant(hopper, Condition(faults=fault_set(*kinds)), manifest) as faulty:
            return faulty.reset(3)

    bias = first("observation_bias") - hopper.reset(3)
    noise = first("observation_noise") - hopper.reset(3)
    both = first("observation_bias", "observation_noise") - hopper.reset(3)
    assert both == pytest.approx(bias + noise, abs=1e-6)


def test_faults_of_the_model_are_graded(hopper: DivisiblePlant, manifest: Manifest) -> None:
    nominal = np.array(hopper.physics().model.body_mass)
    masses = []
    for severity in (0.25, 0.5, 1.0):
        with faulty_plant(hopper, Condition(faults=fault_set("mass"), severity=severity), manifest) as faulty:
            faulty.reset(0)
            masses.append(np.array(faulty.physics().model.body_mass))
            subtree = faulty.physics().model.body_subtreemass[0]
            assert subtree == pytest.approx(masses[-1].sum())
    assert masses[0] == pytest.approx(1.5 * nominal)
    assert masses[1] == pytest.approx(2 * nominal)
    assert masses[2] == pytest.approx(3 * nominal)


def test_gravity_keeps_its_size_when_it_tilts(hopper: DivisiblePlant, manifest: Manifest) -> None:
    with faulty_plant(hopper, Condition(faults=fault_set("gravity_tilt"), severity=0.5), manifest) as faulty:
        faulty.reset(1)
        gravity = np.array(faulty.physics().model.opt.gravity)
    assert np.linalg.norm(gravity) == pytest.approx(9.81)
    assert np.degrees(np.arccos(-gravity[2] / 9.81)) == pytest.approx(10)


def test_rewards_are_those_of_what_is(tmp_path: Path) -> None:
    plant = FakePlant()
    manifest = Bundle.load(make_bundle(tmp_path / "bundle")).manifest
    plant.reset(5)
    expected = plant.apply(np.zeros(2, np.float32)).reward
    with faulty_plant(plant, Condition(faults=fault_set("observation_noise")), manifest) as faulty:
        faulty.reset(5)
        assert faulty.apply(np.zeros(2, np.float32)).reward == expected


def delayed(delay_s: float, num_periods: int = 4) -> tuple[FakePlant, MotorFaultPlant]:
    plant = FakePlant(num_periods)
    motors = Motors(
        low=plant.action_low,
        high=plant.action_high,
        rest=np.array([-1, 0], np.float32),
        absolute=False,
        period_s=plant.control_period_s,
    )
    return plant, MotorFaultPlant(plant, ActionDelay(delay_s=delay_s), (), 1.0, motors)


def number(value: float) -> np.ndarray:
    return np.array([value, 0], np.float32)


def test_a_delayed_action_takes_effect_in_the_middle_of_a_period() -> None:
    plant, faulty = delayed(0.07)  # seven physics steps, of which a period has five
    faulty.reset(0)
    for action in (1.0, 2.0, 3.0, 4.0):
        faulty.apply(number(action))
    first = [applied[0] for applied in plant.applied]
    assert first == pytest.approx([-1, (2 * -1 + 3 * 1) / 5, (2 * 1 + 3 * 2) / 5, (2 * 2 + 3 * 3) / 5])


def test_a_delay_adds_to_a_late_arrival() -> None:
    plant, faulty = delayed(0.03)
    faulty.reset(0)
    for action, arrival in ((1.0, 4), (2.0, 0), (3.0, 5)):
        faulty.apply_part(None, arrival)
        faulty.apply(number(action))
    # The first takes effect at physics step 7, the second at 8; in the third period nothing new does until its end.
    first = [applied[0] for applied in plant.applied]
    assert first == pytest.approx([-1, (2 * -1 + 1 * 1 + 2 * 2) / 5, 2])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), min_size=1, max_size=8), st.integers(0, 12))
def test_a_delay_is_a_shift_of_the_commands_whatever_their_times(commands: list[tuple[int, int]], delay: int) -> None:
    plant, faulty = delayed(delay * 0.01, len(commands))
    faulty.reset(0)
    timeline = np.full(5 * len(commands) + 20, -1.0 if delay else 0.0)
    for period, (arrival, value) in enumerate(commands):
        faulty.apply_part(None, arrival)
        faulty.apply(number(value))
        timeline[5 * period + arrival + delay :] = value
    expected = timeline[: 5 * len(commands)].reshape(-1, 5).mean(axis=1)
    assert [applied[0] for applied in plant.applied] == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("plant_name", "faults", "error", "message"),
    [
        (
            "Hopper-v5",
            {"mass": {"factor": 2.0, "bodies": ["tors"]}},
            PlantError,
            "no body 'tors'; did you mean 'torso'",
        ),
        (
            "pointmaze-medium-singletask-v0",
            {"actuator_gain": {"factor": 0.5}},
            PlantError,
            "in its place, whatever acts on it",
        ),
        (ARM, {"friction": {"factor": 0.5, "geoms": ["hand"]}}, PlantError, "it has no geom with a name"),
        ("Hopper-v5", {"observation_noise": {"std": 1.0, "entries": [11]}}, ConfigError, "from 0 to 10, found 11"),
        ("Hopper-v5", {"packet_loss": {"probability": 0.1}}, ConfigError, "take the clock real-time or charged"),
        ("fake", {"mass": {"factor": 2.0}}, PlantError, "has no MuJoCo model"),
    ],
)
def test_what_the_plant_lacks_is_one_sentence(
    tmp_path: Path, plant_name: str, faults: dict, error: type, message: str
) -> None:
    plant = FakePlant() if plant_name == "fake" else open_plant(plant_name)
    chosen = from_mapping(faults, FaultSet, "test")
    with pytest.raises(error, match=message) as caught:
        require_applicable(plant, chosen, manifest_of(plant, tmp_path), has_deadline=False)
    assert "\n" not in str(caught.value)
    plant.close()


@pytest.mark.parametrize("attribute", ["damping", "gravity", "contact"])
def test_a_factor_of_nothing_is_refused(tmp_path: Path, attribute: str) -> None:
    plant = open_plant(ARM)
    plant.reset(0)
    model = plant.physics().model
    model.dof_damping[:] = 0
    model.opt.gravity[:] = 0
    model.geom_contype[:] = model.geom_conaffinity[:] = 0
    kind = {"damping": "damping", "gravity": "gravity_tilt", "contact": "friction"}[attribute]
    with pytest.raises(PlantError, match="leave this fault out for this plant"):
        require_applicable(plant, fault_set(kind), manifest_of(plant, tmp_path), has_deadline=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mas": {"factor": 2}}, "did you mean 'mass'"),
        ({"mass": {"fctor": 2}}, "did you mean 'factor'"),
        ({"drop_out": {"probability": 1.5}}, "probability"),
        ({"mass": {"factor": 0}}, "factor"),
    ],
)
def test_a_file_that_does_not_say_what_it_should_is_refused(content: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(content, FaultSet, "faults.yaml")
