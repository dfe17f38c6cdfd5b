from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sim.evaluation.driver import InProcess
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.evaluate import EvaluationInterrupted, evaluate
from sim.evaluation.job import Rig
from sim.evaluation.modes import Way
from sim.evaluation.plan import Plan
from sim.evaluation.report import notes, settings_of
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant, open_fake
from vgf_robot.bundle import Bundle, choose_operating_point, write_manifest
from vgf_robot.errors import BudgetError, ConfigError, PlantError

LATENCIES = ("tick_ms", "reference_ms", "step_ms", "select_ms")
ONE_PASS = {"reference_steps": 1, "reference_scale": 0.6}
SWEEP = Plan(episodes=5, num_particles=(1, 4), steps=(0, 3), step_size=(0.05, 0.2))


def outcome(rows: object) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in LATENCIES} for row in rows]  # type: ignore[attr-defined]


def test_episode_seeds_differ_between_episodes_and_seeds_only() -> None:
    assert episode_seeds(3, 4) == episode_seeds(3, 4)
    seeds = {episode_seeds(seed, index) for seed in range(10) for index in range(10)}
    assert len(seeds) == 100
    assert all(plant != controller for plant, controller in seeds)


def test_transport_pays_on_the_tiny_task_and_is_what_would_be_sealed(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    evaluation = evaluate(bundle, SWEEP, open_fake)
    rows = {(row["num_particles"], row["max_steps"], row["step_size"]): row for row in evaluation.rows}
    assert rows[4, 3, 0.2]["return_mean"] > rows[4, 3, 0.05]["return_mean"] > rows[4, 0, None]["return_mean"]
    assert rows[4, 3, 0.2]["mean_steps"] == 3
    assert rows[4, 3, 0.2]["miss_rate"] == 0
    assert rows[1, 0, None]["mode"] == "reference"
    found = {"verb": "eval", "settings": settings_of(evaluation), "rows": evaluation.rows}
    point = choose_operating_point(found, bundle.sha256, bundle.manifest.operating_point)
    assert (point.max_steps, point.step_size, point.sealed) == (3, 0.2, True)
    assert any("would seal" in note for note in notes(evaluation))


def test_the_same_plan_gives_the_same_outcome(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    assert outcome(evaluate(bundle, SWEEP, open_fake).rows) == outcome(evaluate(bundle, SWEEP, open_fake).rows)


def with_one_pass(folder: Path) -> Bundle:
    """Return a bundle with a second way to draw, K = 1, whose particles lie further apart."""
    source, other = (
        Bundle.load(make_bundle(folder / name, **changes)) for name, changes in (("b", {}), ("o", ONE_PASS))
    )
    variants = list(source.manifest.variants)
    for variant in other.manifest.variants:
        shutil.copyfile(other.folder / variant.reference, source.folder / f"one-{variant.reference}")
        variants.append(msgspec.structs.replace(variant, reference=f"one-{variant.reference}", sampler="one-step"))
    return write_manifest(source.folder, msgspec.structs.replace(source.manifest, variants=tuple(variants)))


def test_another_number_of_evaluations_and_the_distance_from_the_data_are_in_the_rows(tmp_path: Path) -> None:
    bundle = with_one_pass(tmp_path)
    np.savez(tmp_path / "data.npz", observations=np.zeros((3, 3)), actions=np.zeros((3, 2)))
    data = str(tmp_path / "data.npz")
    own, one = (
        {row["mode"]: row for row in evaluate(bundle, plan, open_fake).rows}
        for plan in (Plan(episodes=3, data=data), Plan(episodes=3, data=data, reference_steps=1))
    )
    assert {row["reference_steps"] for row in own.values()} == {2}
    assert {row["reference_steps"] for row in one.values()} == {1}
    assert own["tuned"]["returns"] != one["tuned"]["returns"]
    assert np.mean(one["tuned"]["returns"]) == one["tuned"]["return_mean"]
    assert 0 < own["reference"]["data_distance_mean"] < one["reference"]["data_distance_mean"]
    with pytest.raises(BudgetError, match="expected at most 2"):
        evaluate(bundle, Plan(reference_steps=3), open_fake)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (Plan(reference_steps=1, through="server"), "leave --reference-steps or the server out"),
        (Plan(data="data.npz", clock="real-time"), "leave --data or --clock real-time out"),
    ],
)
def test_what_an_evaluation_cannot_do_at_once_is_refused(tmp_path: Path, plan: Plan, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        evaluate(with_one_pass(tmp_path), plan, open_fake)


def test_workers_change_nothing(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    alone = evaluate(bundle, SWEEP, open_fake)
    shared = evaluate(
        bundle, Plan(episodes=5, num_particles=(1, 4), steps=(0, 3), step_size=(0.05, 0.2), workers=2), open_fake
    )
    assert outcome(alone.rows) == outcome(shared.rows)


def test_a_bundle_of_another_period_is_refused_before_the_first_episode(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle", control_period_s=0.02))
    plant = FakePlant()
    with pytest.raises(PlantError, match=r"a period of 0.02 s, the plant of 0.05 s"):
        evaluate(bundle, Plan(), lambda _: plant)
    assert plant.closed


@pytest.mark.parametrize(
    "plan",
    [
        Plan(workers=2, clock="real-time"),
        Plan(workers=2, endpoint="tcp://127.0.0.1:1"),
        Plan(workers=2, through="server"),
    ],
)
def test_workers_that_would_disturb_each_other_are_refused(tmp_path: Path, plan: Plan) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    with pytest.raises(ConfigError, match="workers"):
        evaluate(bundle, plan, open_fake)


def test_notes_say_what_the_table_does_not(tmp_path: Path) -> None:
    guess = Bundle.load(make_bundle(tmp_path / "guess", num_particles=(4,)))
    sentences = " ".join(notes(evaluate(guess, Plan(episodes=1), open_fake)))
    assert "No row 'reference'" in sentences
    assert "first guess" in sentences
    sealed = Bundle.load(make_bundle(tmp_path / "sealed", max_steps=0, sealed=True))
    assert "cap is 0" in " ".join(notes(evaluate(sealed, Plan(episodes=1), open_fake)))


def interrupted_after(monkeypatch: pytest.MonkeyPatch, num_episodes: int) -> list[tuple[Way, int]]:
    """Let Ctrl-C come in the place of an episode; the list fills with what was run."""
    run, done = Rig.run, []

    def counted(self: Rig, way: Way, index: int) -> Episode:
        if len(done) == num_episodes:
            raise KeyboardInterrupt
        done.append((way, index))
        return run(self, way, index)

    monkeypatch.setattr(Rig, "run", counted)
    return done


def test_an_interrupt_leaves_the_rows_that_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    whole = evaluate(bundle, Plan(episodes=2, steps=(0, 1, 3)), open_fake).rows
    interrupted_after(monkeypatch, num_episodes=5)
    with pytest.raises(EvaluationInterrupted) as interrupt:
        evaluate(bundle, Plan(episodes=2, steps=(0, 1, 3)), open_fake)
    found = interrupt.value.evaluation
    assert outcome(found.rows) == outcome(whole[:2])
    assert settings_of(found)["interrupted"]
    assert "Interrupted; rows: 2, episodes of each: 2." in notes(found)


def test_against_the_clock_modes_take_turns_and_an_interrupt_leaves_whole_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    done = interrupted_after(monkeypatch, num_episodes=8)
    with pytest.raises(EvaluationInterrupted) as interrupt:
        evaluate(bundle, Plan(episodes=5, clock="real-time"), open_fake)
    assert [index for _, index in done] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [way for way, _ in done[:3]] == [way for way, _ in done[3:6]]
    rows = interrupt.value.evaluation.rows
    assert [(row["mode"], row["episodes"]) for row in rows] == [("fixed-0", 2), ("fixed-cap", 2), ("adaptive", 2)]


def test_an_interrupt_in_the_first_episode_leaves_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_after(monkeypatch, num_episodes=0)
    with pytest.raises(EvaluationInterrupted) as interrupt:
        evaluate(Bundle.load(make_bundle(tmp_path / "bundle")), Plan(), open_fake)
    assert interrupt.value.evaluation.rows == []


def test_only_the_mode_that_ignores_the_deadline_is_not_told_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[int, set[bool]] = {}
    act = InProcess.act

    def noted(self: InProcess, observation: Any, budget: Any, deadline_ns: int | None) -> Any:
        told.setdefault(len(told_of), set()).add(deadline_ns is not None)
        return act(self, observation, budget, deadline_ns)

    told_of: list[int] = []
    monkeypatch.setattr(InProcess, "act", noted)
    monkeypatch.setattr(InProcess, "begin_episode", lambda self, seed: told_of.append(seed))
    evaluate(Bundle.load(make_bundle(tmp_path / "bundle")), Plan(episodes=1, clock="real-time"), open_fake)
    assert told == {1: {True}, 2: {False}, 3: {True}}
    assert len(set(told_of)) == 1
