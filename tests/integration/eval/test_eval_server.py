"""An evaluation in real time and through a server, its own or another's, that comes and goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sim.evaluation import remote
from sim.evaluation.episode import LATE_REPLY, NO_REPLY, SKIPPED_PERIOD
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.serving import serving
from sim.faults import FaultSet
from sim.faults.machine import CpuContention, ServerRestart
from sim.plants import Transition
from tests import bundles
from tests.unit.sim.evaluation.fakes import FakePlant, open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Reason
from vgf_robot.errors import ConfigError, ServerError
from vgf_robot.wire import RefusedError

NUM_PERIODS = 20
RECEIVER = (LATE_REPLY, NO_REPLY, SKIPPED_PERIOD)


class SlowPlant(FakePlant):
    """Long enough for a rate, short enough for a test."""

    def __init__(self) -> None:
        super().__init__(num_periods=NUM_PERIODS)
        self.num_applied = 0

    def apply(self, action: np.ndarray) -> Transition:
        self.num_applied += 1
        return super().apply(action)


def open_slow(_: str) -> SlowPlant:
    return SlowPlant()


def require_every_period_in_its_place(rows: Sequence[dict], num_periods: int) -> None:
    """Check what holds on any machine: each period is a miss by its reason or has a fresh action."""
    for row in rows:
        num_misses = row["miss_rate"] * num_periods
        assert num_misses == pytest.approx(round(num_misses))
        reasons = row["fallbacks"]
        assert set(reasons) <= {*RECEIVER, *(reason.value for reason in Reason)}
        # Particles of the previous period scored again are a fallback and no miss; nothing is a miss without a reason.
        assert sum(reasons.get(reason, 0) for reason in RECEIVER) <= round(num_misses) <= sum(reasons.values())
        assert sum(reasons.values()) <= num_periods
        assert 0 <= row["mean_steps"] <= row["max_steps"]


@pytest.mark.realtime
def test_in_real_time_every_period_has_its_place(bundle: Bundle) -> None:
    plants: list[SlowPlant] = []

    def open_counted(_: str) -> SlowPlant:
        plants.append(SlowPlant())
        return plants[-1]

    rows = evaluate(bundle, Plan(episodes=2, clock="real-time"), open_counted).rows
    assert [(row["mode"], row["max_steps"]) for row in rows] == [("fixed-0", 0), ("fixed-cap", 3), ("adaptive", 3)]
    assert [row["deadline_ms"] for row in rows] == [pytest.approx(45)] * 3
    (plant,) = plants
    assert plant.num_applied == 2 * 3 * NUM_PERIODS
    require_every_period_in_its_place(rows, 2 * NUM_PERIODS)
    # Every step is taken in every period for which anything was asked at all.
    cap = rows[1]
    asked = 2 * NUM_PERIODS - cap["fallbacks"].get("skipped_period", 0)
    assert cap["mean_steps"] * 2 * NUM_PERIODS == pytest.approx(3 * asked)
    assert rows[0]["mean_steps"] == 0


@pytest.mark.realtime
def test_through_a_server_lock_step_gives_the_outcome_of_the_same_process(bundle: Bundle) -> None:
    here = evaluate(bundle, Plan(episodes=2, steps=(0, 3)), open_fake).rows
    there = evaluate(bundle, Plan(episodes=2, steps=(0, 3), through="server"), open_fake).rows
    for one, other in zip(here, there, strict=True):
        for key in ("return_mean", "mean_steps", "miss_rate", "displacement_rms", "success_rate"):
            assert one[key] == other[key]
        assert one["round_trip_ms"] is None
        assert other["round_trip_ms"]["p50"] > 0


@pytest.mark.realtime
def test_through_a_running_server_in_real_time(bundle: Bundle) -> None:
    with serving(bundle.folder, "onnxruntime-cpu", 1) as server:
        plan = Plan(episodes=1, steps=(3,), clock="real-time", endpoint=server.endpoint)
        rows = evaluate(bundle, plan, open_slow).rows
        server.stop()
        with pytest.raises(ServerError, match="ended with exit code 0: served"):
            server.require_alive()
    assert [(row["mode"], row["max_steps"]) for row in rows] == [("fixed-0", 0), ("adaptive", 3)]
    require_every_period_in_its_place(rows, NUM_PERIODS)
    for row in rows:
        answered = NUM_PERIODS - sum(row["fallbacks"].get(reason, 0) for reason in ("no_reply", "skipped_period"))
        assert (row["round_trip_ms"] is not None) == (answered > 0)


@pytest.mark.realtime
def test_a_server_of_our_own_breaks_down_and_comes_back_while_the_robot_goes_on(bundle: Bundle) -> None:
    faults = FaultSet(server_restart=ServerRestart(every_s=0.5))
    plan = Plan(episodes=2, steps=(0,), clock="real-time", through="server", faults=faults)
    (row,) = evaluate(bundle, plan, open_slow).rows
    # A start takes longer than what is left of the episode, and the next one waits for it.
    assert row["fallbacks"]["no_reply"] >= 2
    assert row["miss_rate"] < 1
    require_every_period_in_its_place([row], 2 * NUM_PERIODS)


@pytest.mark.realtime
def test_a_server_that_was_killed_is_there_again_at_the_same_endpoint(bundle: Bundle) -> None:
    with serving(bundle.folder, "onnxruntime-cpu", 1) as server:
        endpoint = server.endpoint
        driver = remote.ThroughServer.connect(bundle, endpoint, own=server)
        driver.begin_episode(0)
        before = driver.act(np.zeros(3, np.float32), Budget(), None)
        server.crash()
        assert server.away
        driver.begin_episode(0)
        assert not server.away
        after = driver.act(np.zeros(3, np.float32), Budget(), None)
        driver.close()
    assert server.endpoint == endpoint
    assert before is not None
    assert after is not None
    assert np.array_equal(before.command.action, after.command.action)


@pytest.mark.realtime
def test_a_machine_of_somebody_else_is_neither_loaded_nor_restarted(bundle: Bundle) -> None:
    with serving(bundle.folder, "onnxruntime-cpu", 1) as server:
        plan = Plan(episodes=1, clock="real-time", endpoint=server.endpoint)
        for faults in (FaultSet(server_restart=ServerRestart(every_s=1)), FaultSet(cpu_contention=CpuContention())):
            with pytest.raises(ConfigError, match="has not started"):
                evaluate(bundle, msgspec.structs.replace(plan, faults=faults), open_slow)


@pytest.mark.realtime
def test_a_server_of_another_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    other = Bundle.load(bundles.make_bundle(tmp_path / "other", name="other", num_particles=(4,)))
    with (
        serving(other.folder, "onnxruntime-cpu", 1) as server,
        pytest.raises(RefusedError, match="mismatch: expected bundle"),
    ):
        evaluate(bundle, Plan(episodes=1, endpoint=server.endpoint), open_fake)


@pytest.mark.realtime
def test_a_server_that_cannot_start_says_why(bundle: Bundle) -> None:
    with pytest.raises(ServerError, match="no installed backend"), serving(bundle.folder, "abacus", 1):
        pass
