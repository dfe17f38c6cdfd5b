from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.demo.recording import Recording, RecordingPlant
from sim.demo.synthetic import NoPlant, timed_by_this_machine
from sim.demo.video import _chosen, make_video
from sim.plants import require_fit
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle


def record(num_periods: int) -> Recording:
    actions = np.zeros((num_periods, 2), np.float32)
    return Recording(environment="Test-v0", control_period_s=0.1, seed=1, actions=actions, success=None)


def test_a_recording_is_the_seed_and_the_actions_of_the_last_episode() -> None:
    plant = RecordingPlant(FakePlant(num_periods=2))
    plant.reset(1)
    plant.apply(np.zeros(2, np.float32))
    goal = plant.reset(5)[:2]
    action = goal.copy()
    plant.apply(action)
    action[:] = 9  # the caller may use its array again
    plant.apply(goal)
    found = plant.recording()
    assert (found.seed, found.success) == (5, True)
    np.testing.assert_array_equal(found.actions, [goal, goal])


def test_the_film_shows_the_first_episodes_that_fit() -> None:
    recordings = [record(50), record(40), record(5)]
    assert _chosen(recordings, 10.0) == recordings
    assert _chosen(recordings, 9.0) == recordings[:2]
    assert _chosen(recordings, 1.0) == recordings[:1]


@pytest.mark.realtime
def test_no_film_is_a_sentence_and_no_error(tmp_path: Path) -> None:
    found = make_video([record(3)], tmp_path / "film.mp4", budget_s=1.0, video_s=1.0, user_gl="disable")
    assert isinstance(found, str)
    assert found.startswith("No video")


def test_the_plant_of_the_synthetic_policy_fits_it_and_ends(tmp_path: Path) -> None:
    manifest = Bundle.load(make_bundle(tmp_path / "bundle")).manifest
    plant = NoPlant(manifest, num_periods=3)
    require_fit(manifest, plant)
    np.testing.assert_array_equal(plant.reset(4), plant.reset(4))
    transitions = [plant.apply(np.zeros(2, np.float32)) for _ in range(3)]
    assert [transition.done for transition in transitions] == [False, False, True]
    assert all(np.abs(transition.observation[:2]).max() <= 1 for transition in transitions)


def test_the_synthetic_policy_gets_a_period_that_this_machine_can_nearly_keep(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle", control_period_s=5.0))
    timed = timed_by_this_machine(bundle, bundle.folder, 20, "in-process")
    assert 0 < timed.manifest.control_period_s < 5.0
    assert timed.sha256 == Bundle.load(bundle.folder).sha256 != bundle.sha256
