"""A recording and the bundle it was made with give the same bits, whatever the ticks had time for."""

import msgspec
import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.integration.recording.told import Serving, drive
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Rung, Status
from vgf_robot.drive import DriveSettings
from vgf_robot.engagement import EngagementSettings, EngagementState
from vgf_robot.errors import BundleError
from vgf_robot.recording import Recording, Rerun, UnrepeatableError
from vgf_robot.recording.comparison import Comparison
from vgf_robot.telemetry import TickRecord, array_of

# Time for all three steps, two, one, none, a selection alone, nothing; and a simulation that waits.
DEADLINES_MS = (40.0, 5.5, 4.5, 3.5, 2.5, 0.5, None)


def observations(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 3)).astype(np.float32)


def rerun_all(folder, path) -> list[tuple[TickRecord, object]]:
    rerun = Rerun(Bundle.load(folder))
    return [(tick, rerun.run(tick)) for tick in Recording([path]).ticks()]


def differing(pairs) -> list[TickRecord]:
    """Return the ticks of which not every bit is the same."""
    return [
        tick
        for tick, now in pairs
        if (now.action.tobytes(), now.value, now.spread, now.displacement, now.limited)
        != (array_of(tick.action).tobytes(), tick.value, tick.spread, tick.displacement, tick.limited)
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "recording-1.mcap"


@pytest.mark.parametrize("selection", ["argmax", "softmax", "uniform"])
@pytest.mark.parametrize("action_kind", ["delta", "absolute"])
def test_a_server_ticks_again_to_the_bit(tmp_path, path, selection, action_kind):
    folder = make_bundle(
        tmp_path / "bundle",
        action_kind=action_kind,
        selection=selection,
        temperature=0.1,
        max_distance=0.2,
        action_rate_limit=(30.0, 3.0),
    )
    serving = Serving(folder, path, max_rescored_age_ticks=3)
    budgets = [Budget(), Budget(max_steps=2, step_size=0.013), Budget(num_particles=1), Budget(min_gain=0.05)]
    for client in (b"arm", b"leg"):
        serving.greet(client)
    generator = np.random.default_rng(2)
    for number, observation in enumerate(observations(300)):
        serving.ask(
            observation,
            deadline_ms=DEADLINES_MS[generator.integers(len(DEADLINES_MS))],
            budget=budgets[generator.integers(len(budgets))],
            client=(b"arm", b"leg")[number % 2],
            episode=number // 100,
            seed=number // 100,
            overrun_ms=50 if generator.random() < 0.1 else 0,
        )
    serving.file.close()
    pairs = rerun_all(folder, path)
    assert [tick for tick, _ in pairs] == serving.file.records
    assert differing(pairs) == []
    rungs = {tick.rung for tick, _ in pairs}
    assert rungs == {*Rung} - ({Rung.HOLD} if action_kind == "delta" else set())
    assert {tick.status for tick, _ in pairs} == {*Status}
    assert {tick.steps for tick, _ in pairs} == {0, 1, 2, 3}
    assert any(tick.limited > 0 for tick, _ in pairs)
    assert {tick.point.num_particles for tick, _ in pairs} == {1, 4}


@pytest.mark.parametrize(
    ("action_kind", "seen"),
    [("absolute", {"hold", "stale_observation", "overran"}), ("delta", {"safe", "stale_observation", "ending"})],
)
def test_a_loop_ticks_again_to_the_bit(tmp_path, path, action_kind, seen):
    folder = make_bundle(tmp_path / "bundle", action_kind=action_kind, action_rate_limit=(30.0, 3.0))
    engagement = EngagementSettings(blend_s=0.3, max_stale_periods=3, max_first_change_share=1.0)
    settings = DriveSettings(engage=True, handover_us=0, max_repeats=0, engagement=engagement)
    records, sent = drive(folder, path, settings, 40, silent={8, 9}, overruns_ms=[0, 0, 0, 42, 0, 60] * 6)
    pairs = rerun_all(folder, path)
    assert differing(pairs) == []
    ticks = [tick for tick, _ in pairs]
    assert {tick.rung.value for tick in ticks} | {tick.reason.value for tick in ticks} >= {"transport", *seen}
    # What went to the robot is what the records say, the discarded ticks' actions not among it.
    told = [array_of(tick.sent).tolist() for tick in ticks if tick.sent is not None]
    assert told == [command.action.tolist() for command in sent]
    assert any(array_of(tick.sent).tolist() != array_of(tick.action).tolist() for tick in ticks if tick.sent)  # blended
    assert [record for record in records if isinstance(record, TickRecord)] == ticks


def test_the_path_leads_from_the_reference_to_the_chosen_action(tmp_path, path):
    folder = make_bundle(tmp_path / "bundle")
    serving = Serving(folder, path)
    serving.greet(b"arm")
    for deadline_ms in (None, 5.5, 3.5, 2.5, 0.5):
        serving.ask((0.4, -0.2, 0.1), deadline_ms=deadline_ms)
    serving.file.close()
    for tick, now in rerun_all(folder, path):
        if tick.rung is Rung.SAFE:
            assert (now.path, now.index) == (None, None)
            continue
        steps = tick.steps if tick.rung is not Rung.RESCORED else len(now.path) - 1
        assert now.path.shape == (steps + 1, 4, 2)
        moves = np.abs(np.diff(now.path, axis=0))
        assert np.allclose(moves, tick.point.step_size, atol=1e-6)
        # The action in the robot's units is twice the particle's.
        assert (2 * now.path[-1, now.index]).tolist() == now.action.tolist()


@pytest.fixture
def recorded(tmp_path, path):
    folder = make_bundle(tmp_path / "bundle")
    serving = Serving(folder, path)
    serving.greet(b"arm")
    for observation in observations(20):
        serving.ask(observation, deadline_ms=None)
    serving.file.close()
    return folder, list(Recording([path]).ticks())


def compare(folder, ticks) -> dict:
    comparison = Comparison(Rerun(Bundle.load(folder)))
    comparison.run(ticks)
    return comparison.row()


def test_another_bundle_is_told_apart_by_its_differences(tmp_path, recorded):
    folder, ticks = recorded
    assert compare(folder, ticks)["exact"] == 20
    other = make_bundle(tmp_path / "other", reference_scale=0.2)
    row = compare(other, ticks)
    assert (row["replayed"], row["exact"]) == (20, 0)
    assert row["action_difference"]["max"] > row["action_difference"]["p50"] > 0
    assert row["value_difference"]["p50"] > 0
    worst = [each["difference"] for each in row["worst"]]
    assert worst == sorted(worst, reverse=True)
    assert worst[0] == row["action_difference"]["max"]
    assert len(worst) == 5


def test_another_bundle_takes_as_many_steps_as_were_taken(tmp_path, path):
    serving = Serving(make_bundle(tmp_path / "bundle"), path)
    serving.greet(b"arm")
    command = serving.ask((0.4, -0.2, 0.1), deadline_ms=None, budget=Budget(min_gain=1e-6))
    serving.file.close()
    assert command.steps == 3
    other = make_bundle(tmp_path / "other", reference_scale=100.0)
    (tick,) = Recording([path]).ticks()
    stopped = msgspec.structs.replace(tick, point=msgspec.structs.replace(tick.point, min_gain=10.0))
    assert len(Rerun(Bundle.load(other)).run(stopped).path) == 4


def test_an_action_that_engagement_withheld_was_not_sent(tmp_path, path):
    serving = Serving(make_bundle(tmp_path / "bundle"), path, engagement=EngagementSettings())
    serving.greet(b"arm")
    serving.ask((0.4, -0.2, 0.1), deadline_ms=None)
    serving.file.close()
    (tick,) = Recording([path]).ticks()
    assert (tick.sent, tick.engagement) == (None, EngagementState.DISENGAGED)
    assert tick.action is not None


@pytest.mark.parametrize("change", ["seed", "tick", "steps", "observation", "previous_action"])
def test_whatever_the_action_depends_on_makes_a_difference(tmp_path, path, change):
    folder = make_bundle(tmp_path / "bundle", action_rate_limit=(1.0, 1.0))
    serving = Serving(folder, path)
    serving.greet(b"arm")
    for observation in observations(3):
        serving.ask(observation, deadline_ms=30)
    tick = serving.file.records[0] if change != "previous_action" else serving.file.records[2]
    other = serving.file.records[1]
    changed = {
        "seed": 99,
        "tick": tick.tick + 1,
        "steps": tick.steps - 1,
        "observation": other.observation,
        "previous_action": other.previous_action,
    }[change]
    serving.file.close()
    now = Rerun(Bundle.load(folder)).run(msgspec.structs.replace(tick, **{change: changed}))
    assert now.action.tobytes() != array_of(tick.action).tobytes()


def test_what_is_missing_is_counted_and_not_made_up(tmp_path, path):
    folder = make_bundle(tmp_path / "bundle")
    serving = Serving(folder, path)
    serving.greet(b"arm")
    commands = [serving.ask(each, deadline_ms=ms) for each, ms in zip(observations(2), (None, 2.5), strict=True)]
    assert commands[1].rung is Rung.RESCORED
    first, second = serving.file.records
    serving.file.close()
    with pytest.raises(UnrepeatableError, match="earlier tick"):
        Rerun(Bundle.load(folder)).run(second)
    rerun = Rerun(Bundle.load(folder))
    rerun.run(msgspec.structs.replace(first, tick=5))  # another one than it needs
    with pytest.raises(UnrepeatableError, match="earlier tick"):
        rerun.run(second)
    larger = msgspec.structs.replace(first, point=msgspec.structs.replace(first.point, num_particles=64))
    unseen = msgspec.structs.replace(first, observation=None)
    row = compare(folder, [larger, unseen, second])
    assert (row["ticks"], row["replayed"]) == (3, 0)
    assert sum(row["unrepeatable"].values()) == 3
    assert len(row["unrepeatable"]) == 3
    assert row["action_difference"] is None


def test_a_bundle_for_another_robot_is_refused(recorded):
    folder, ticks = recorded
    wrong = msgspec.structs.replace(ticks[0], observation=ticks[0].action)
    with pytest.raises(BundleError, match="expected its 3 numbers of observation"):
        Rerun(Bundle.load(folder)).run(wrong)
