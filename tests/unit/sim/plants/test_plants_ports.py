"""A plant whose time is the clock's."""

import numpy as np
import pytest

from sim.plants.ports import PlantPorts
from tests.bundles import make_bundle
from tests.clocks import MS, FakeClock
from tests.commands import make_command
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.drive import DriveCommand
from vgf_robot.engagement import EngagementState

PERIOD_NS = 50 * MS
SAFE = [0.25, -0.5]


class Rig:
    def __init__(self, folder, kind: str, num_periods: int) -> None:
        manifest = Bundle.load(make_bundle(folder, action_kind=kind, safe_action=tuple(SAFE))).manifest
        self.clock = FakeClock(123)
        self.plant = FakePlant(num_periods)
        self.ports = PlantPorts(manifest, self.plant, seed=3, clock=self.clock)

    def send(self, number: float) -> None:
        action = np.array([number, 0], np.float32)
        self.ports.send(
            DriveCommand(
                sequence=0,
                action=action,
                valid_for_ns=2 * PERIOD_NS,
                command=make_command(action),
                state=EngagementState.ENGAGED,
                sensed=None,
            )
        )

    @property
    def applied(self) -> list:
        return [action.tolist() for action in self.plant.applied]


@pytest.fixture
def make_rig(tmp_path):
    return lambda kind="delta", num_periods=100: Rig(tmp_path / "bundle", kind, num_periods)


def test_the_first_look_shows_the_beginning(make_rig):
    rig = make_rig()
    sensed = rig.ports.newest()
    assert (sensed.sequence, sensed.taken_ns, sensed.pose) == (0, 123, None)
    assert rig.applied == []


def test_a_period_is_simulated_under_the_action_that_came_in_it(make_rig):
    rig = make_rig()
    for number in (1.0, 2.0):
        rig.ports.newest()
        rig.clock.advance(6 * MS)
        rig.send(number)
        rig.clock.advance(44 * MS)
    assert rig.ports.newest().sequence == 2
    assert rig.applied == [[1, 0], [2, 0]]


def test_a_look_a_little_early_or_late_changes_nothing(make_rig):
    rig = make_rig()
    rig.ports.newest()
    rig.clock.advance(PERIOD_NS - MS)
    assert rig.ports.newest().sequence == 1
    rig.clock.advance(PERIOD_NS + 30 * MS)
    assert rig.ports.newest().sequence == 2


@pytest.mark.parametrize(("kind", "later"), [("delta", SAFE), ("absolute", [1.0, 0.0])])
def test_periods_that_were_skipped_are_simulated_as_a_receiver_would(make_rig, kind, later):
    rig = make_rig(kind)
    rig.ports.newest()
    rig.clock.advance(MS)
    rig.send(1.0)
    rig.clock.advance(2 * PERIOD_NS - MS)
    assert rig.ports.newest().sequence == 2
    assert rig.applied == [[1, 0], later]
    rig.clock.advance(PERIOD_NS)
    rig.ports.newest()
    assert rig.applied[-1] == SAFE  # by now it has expired


def test_an_action_that_comes_after_its_period_is_used_in_the_next(make_rig):
    rig = make_rig()
    rig.ports.newest()
    rig.clock.advance(PERIOD_NS + 20 * MS)
    rig.send(1.0)
    rig.clock.advance(30 * MS)
    assert rig.ports.newest().sequence == 2
    assert rig.applied == [SAFE, [1, 0]]


def test_an_episode_that_ends_is_followed_by_the_next(make_rig):
    rig = make_rig(num_periods=2)
    first = rig.ports.newest().observation
    rig.clock.advance(5 * PERIOD_NS)
    sensed = rig.ports.newest()
    assert sensed.sequence == 5
    assert sensed.observation[:2].tolist() != first[:2].tolist()
    assert rig.ports.counters["plant_periods"] == 5
    assert rig.ports.counters["episodes"] == 2
    rig.ports.close()
    assert rig.plant.closed
