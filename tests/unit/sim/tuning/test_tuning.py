"""From deadlines and a miss rate to working points, on a plant without physics and a device on paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.plants import Transition
from sim.tuning.page import tuning_page
from sim.tuning.request import TuneRequest
from sim.tuning.rows import profile_of, rows_of, settings_of, working_rows
from sim.tuning.tables import frontier_table, sentences, working_table
from sim.tuning.tuning import Tuned, require_kept, tune
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.config import from_mapping
from vgf_robot.errors import BudgetError, ConfigError, DatasetError, LimitError, PlantError, VgfError
from vgf_robot.profile import at_working_point, load_profile, save_profile

# A tick without a step takes 3 ms after an overhead of 1; each of the three steps takes 6.
TIMES = {"reference_ms": 2.0, "step_ms": 6.0, "select_ms": 1.0, "overhead_ms": 1.0}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "bundle", sealed=True))


@pytest.fixture
def ask(tmp_path: Path, bundle: Bundle) -> Callable[..., Tuned]:
    """Tune with a few episodes; counts the episodes begun in `ask.episodes`."""
    (tmp_path / "device.json").write_text(json.dumps(TIMES))

    class Counted(FakePlant):
        def reset(self, seed: int) -> np.ndarray:
            run.seeds.append(seed)  # type: ignore[attr-defined]
            return super().reset(seed)

        def apply(self, action: np.ndarray | None) -> Transition:
            return replace(super().apply(action), success=None)  # by its return: five periods are soon solved or lost

    def run(**changes: Any) -> Tuned:
        content = {"deadline_ms": [12], "episodes": 3, "confirm_episodes": 4, "ladder_ms": [2, 5, 18, 24, 60]}
        content |= {"profile": str(tmp_path / "device.json"), "environment": "Test-v0", **changes}
        request = from_mapping({key: value for key, value in content.items() if value is not None}, TuneRequest, "it")
        return tune(
            bundle,
            str(bundle.folder),
            request,
            tmp_path / "work",
            open_plant=lambda _: Counted(),
            knows_success=_knows_success,
            note=lambda _: None,
        )

    run.seeds = []  # type: ignore[attr-defined]
    return run


def _knows_success(environment: str) -> bool:
    if environment != "Test-v0":
        raise PlantError(f"There is no '{environment}'.")
    return True


def by_mode(tuned: Tuned, mode: str) -> list[dict[str, Any]]:
    return [row for row in rows_of(tuned) if row["mode"] == mode]


def test_a_working_point_keeps_the_deadline_that_its_times_allow(ask: Callable[..., Tuned]) -> None:
    tuned = ask(num_particles=[4])
    swept = {(row["deadline_ms"], row["max_steps"]): row for row in by_mode(tuned, "sweep")}
    assert {ms for ms, _ in swept} == {2, 5, 12, 18, 24}  # 60 is longer than the period
    assert swept[2, 0]["left_out"] == "misses 100 % even without a step"
    assert swept[5, 1]["left_out"] == "step 1 hardly ever fits"
    assert swept[12, 1]["left_out"] is None
    assert swept[12, 2]["left_out"] == "step 2 hardly ever fits"
    assert swept[24, 3]["predicted_steps"] == 3
    assert swept[24, 3]["tick_ms"]["p99"] == pytest.approx(21)
    # Where the deadline cuts nothing off, one simulation serves every longer one.
    assert swept[12, 1]["simulated_ms"] == swept[18, 1]["simulated_ms"] == 24
    assert swept[12, 1]["return_mean"] == swept[18, 1]["return_mean"]
    (best,) = by_mode(tuned, "tuned")
    assert (best["max_steps"], best["miss_rate"], best["mean_steps"]) == (1, 0, 1)
    require_kept(tuned)


def test_the_choice_is_scored_on_other_episodes_and_paired(ask: Callable[..., Tuned]) -> None:
    tuned = ask(num_particles=[4], seed=5, confirm_seed=6)
    assert {row["seed"] for row in by_mode(tuned, "sweep")} == {5}
    assert {row["seed"] for mode in ("tuned", "frontier", "best-of-n") for row in by_mode(tuned, mode)} == {6}
    choosing = {row["plant_seed"] for each in tuned.simulated.values() for row in each.episodes}
    confirming = {row["plant_seed"] for each in tuned.confirmed.values() for row in each.episodes}
    assert (len(choosing), len(confirming), choosing & confirming) == (3, 4, set())
    (pair,) = by_mode(tuned, "comparison")
    assert (pair["baseline"], pair["episodes"], pair["better"]) == ("best-of-n", 4, 4)
    frontier = by_mode(tuned, "frontier")
    assert [row["deadline_ms"] for row in frontier] == [2, 5, 12, 18, 24]
    assert (frontier[0]["left_out"], frontier[0]["return_mean"]) == ("misses 100 % even without a step", None)
    assert frontier[1]["return_difference"] is None
    assert frontier[2]["return_difference"] > 0  # a step towards the goal


def test_an_interrupted_run_goes_on_and_repeats_nothing(
    ask: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.suite.work import EpisodeRunner

    whole, count = EpisodeRunner.__call__, [0]

    def broken(self: EpisodeRunner, key: Any) -> dict[str, Any]:
        count[0] += 1
        if count[0] == 8:
            raise KeyboardInterrupt
        return whole(self, key)

    monkeypatch.setattr(EpisodeRunner, "__call__", broken)
    with pytest.raises(KeyboardInterrupt):
        ask()
    before = len(ask.seeds)  # type: ignore[attr-defined]
    tuned = ask()
    after = len(ask.seeds)  # type: ignore[attr-defined]
    episodes = sum(len(each.episodes) for part in (tuned.simulated, tuned.confirmed) for each in part.values())
    assert (before, after) == (7, episodes)
    assert rows_of(ask()) == rows_of(tuned)
    assert len(ask.seeds) == after  # type: ignore[attr-defined]


def test_no_transport_is_an_answer(ask: Callable[..., Tuned]) -> None:
    tuned = ask(deadline_ms=[5], num_particles=[1], ladder_ms=[5])
    (best,) = by_mode(tuned, "tuned")
    assert best["max_steps"] == 0
    assert any("no transport: no step fits" in text for text in sentences(rows_of(tuned)))
    fitting = {"mode": "sweep", "deadline_ms": 5, "max_steps": 1, "left_out": None}
    assert "no transport: the reference alone is worth as much" in sentences([best, fitting])[1]


def test_a_choice_that_was_bad_luck_is_doubted() -> None:
    pair = {"mode": "comparison", "baseline": "sealed", "better": 0, "worse": 9, "episodes": 9, "p_value": 0.004}
    pair |= {"success_difference": None, "return_difference": -5.0, "deadline_ms": 5.0}
    pair |= {"return_difference_low": -9.0, "return_difference_high": -1.0}
    tuned = {"mode": "tuned", "deadline_ms": 5.0, "max_steps": 1, "step_size": 0.1, "max_distance": None}
    tuned |= {"selection": None, "num_particles": 1, "tick_ms": None, "backend": "a", "precision": "b", "threads": 1}
    tuned |= {"return_mean": 1.0, "mean_steps": 1.0, "predicted_miss_rate": 0.0, "miss_rate": 0.0}
    assert "choose again with more --episodes" in sentences([tuned, pair])[1]
    assert "choose again" not in sentences([tuned, {**pair, "return_difference_high": 1.0}])[1]


def test_lock_step_chooses_among_whole_settings_and_confirms_charged(ask: Callable[..., Tuned]) -> None:
    tuned = ask(clock="lock-step", num_particles=[4])
    assert all(cell.deadline_ms is None for cell in tuned.simulated)
    assert {row["clock"] for each in tuned.confirmed.values() for row in each.episodes} == {"charged"}
    assert by_mode(tuned, "tuned")[0]["max_steps"] == 1


def test_the_profile_that_comes_out_runs_the_bundle_at_its_working_points(
    ask: Callable[..., Tuned], bundle: Bundle, tmp_path: Path
) -> None:
    tuned = ask(deadline_ms=[12, 24], max_distance=[0.03], steps=[0, 1, 3])
    save_profile(tmp_path / "out.json", profile_of(tuned))
    profile = load_profile(tmp_path / "out.json")
    assert [point.deadline_ms for point in profile.points] == [12, 24]
    for point in profile.points:
        setting = at_working_point(bundle, str(tmp_path / "out.json"), point.deadline_ms / 50, None).manifest
        assert setting.operating_point.max_steps == point.budget.max_steps
        assert setting.operating_point.max_distance in (0.03, None)
    # What came out can be tuned with: the times are the same.
    again = ask(profile=str(tmp_path / "out.json"), deadline_ms=[12, 24], max_distance=[0.03], steps=[0, 1, 3])
    assert working_rows(again) == working_rows(tuned)


def test_the_profile_remembers_what_the_recorded_ticks_have_taught(ask: Callable[..., Tuned], tmp_path: Path) -> None:
    # One step in 200 does not end in time: as often as is allowed.
    spiky = {name: [value] * 200 for name, value in TIMES.items()} | {"step_ms": [[6.0]] * 199 + [[11.0]]}
    (tmp_path / "spiky.json").write_text(json.dumps(spiky))
    times = {"profile": str(tmp_path / "spiky.json"), "num_particles": [4], "steps": [1]}
    (point,) = profile_of(ask(**times, deadline_ms=[12], ladder_ms=[])).points
    assert 0 < point.margin_ms < 12


def test_caution_is_looked_at_from_near_the_data_on(ask: Callable[..., Tuned], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", observations=rng.uniform(-1, 1, (50, 3)), actions=rng.uniform(-0.2, 0.2, (50, 2)))
    tuned = ask(deadline_ms=[24], num_particles=[4], caution=[0.02, 0.06], data=str(tmp_path / "data.npz"))
    rows = by_mode(tuned, "caution")
    assert [row["max_distance"] for row in rows] == [0.02, 0.06, None]
    moved = [row["displacement_rms"] for row in rows]
    assert moved[0] == pytest.approx(0.02)
    assert moved[0] < moved[1] < moved[2]
    assert rows[0]["value_mean"] < rows[2]["value_mean"]
    assert rows[0]["data_distance_mean"] < rows[2]["data_distance_mean"]
    assert (tuned.data_distance or 0) > 0


def test_the_page_has_every_part_and_no_empty_plot(ask: Callable[..., Tuned]) -> None:
    tuned = ask(caution=[0.02])
    rows = rows_of(tuned)
    page = tuning_page(settings_of(tuned, "tiny"), rows, working_rows(tuned), "here")
    for title in ("With 12 ms", "What each further millisecond buys", "Success against latency", "What caution costs"):
        assert f"<h2>{title}" in page
    figures = [json.loads(part.split("</script>")[0]) for part in page.split('type="application/json">')[1:]]
    assert len(figures) == 5
    assert all(trace["x"] and len(trace["x"]) == len(trace["y"]) for figure in figures for trace in figure["data"])
    assert [cell["deadline ms"] for cell in frontier_table([r for r in rows if r["mode"] == "frontier"])[0]] == [
        *("2", "5", "12", "18", "24")
    ]
    assert working_table(working_rows(tuned))[0][0]["mode"] == "tuned"


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"deadline_ms": []}, ConfigError, "--deadline-ms: expected one deadline or several"),
        ({"deadline_ms": [5, 60]}, ConfigError, "at most the control period of 'tiny', 50 ms, found 60"),
        ({"deadline_ms": [3]}, LimitError, "No setting keeps a deadline of 3 ms with a miss rate of 0.01: the nearest"),
        ({"seed": 7, "confirm_seed": 7}, ConfigError, "expected two, found 7 twice"),
        ({"num_particles": [3]}, BudgetError, "num_particles: expected one of 1, 4"),
        ({"precision": ["int8"]}, BudgetError, "precision: expected one of float32"),
        ({"steps": [4]}, BudgetError, "max_steps: expected 0 to 3"),
        ({"step_size": [0.2]}, BudgetError, "step_size"),
        ({"backend": ["abacus"]}, ConfigError, "a profile says what was measured there"),
        ({"backend": ["abacus"], "profile": None}, ConfigError, "'abacus' is no installed backend"),
        ({"profile": "nowhere.json"}, ConfigError, "nowhere.json does not exist"),
        ({"overhead_ms": 1.0}, ConfigError, "a profile has its own"),
        ({"environment": "Tset-v0"}, PlantError, "There is no 'Tset-v0'"),
        ({"data": "nowhere.npz"}, DatasetError, "nowhere.npz"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    ask: Callable[..., Tuned], tmp_path: Path, changes: dict[str, Any], error: type[VgfError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        ask(**changes)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "work").exists()
    assert not ask.seeds  # type: ignore[attr-defined]


def test_times_are_measured_once(ask: Callable[..., Tuned], tmp_path: Path) -> None:
    asked = {
        "profile": None,
        "backend": ["onnxruntime-cpu"],
        "ticks": 2,
        "miss_rate": 1.0,
        "steps": [0],
        "ladder_ms": [],
    }
    tuned = ask(**asked, deadline_ms=[50])
    (path,) = (tmp_path / "work").glob("measured-*.json")
    written = path.read_bytes()
    assert {stage.num_particles for stage in load_profile(path).stages} == {1, 4}
    costs = by_mode(tuned, "stage-costs")
    assert [row["chosen"] for row in costs] == [True, True]
    assert all(row["tick_ms"]["p50"] >= row["reference_ms"]["p50"] > 0 for row in costs)
    ask(**asked, deadline_ms=[40])
    assert path.read_bytes() == written


def test_one_deadline_of_several_that_nothing_keeps_is_named_in_the_end(ask: Callable[..., Tuned]) -> None:
    tuned = ask(deadline_ms=[3, 12])
    assert [row["deadline_ms"] for row in by_mode(tuned, "tuned")] == [12]
    with pytest.raises(LimitError, match="No setting keeps a deadline of 3 ms"):
        require_kept(tuned)
