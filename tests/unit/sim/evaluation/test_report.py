from __future__ import annotations

from pathlib import Path

import pytest

from sim.evaluation.episode import Episode
from sim.evaluation.evaluate import Evaluation
from sim.evaluation.job import Job
from sim.evaluation.modes import Setting
from sim.evaluation.plan import Plan
from sim.evaluation.report import for_terminal, notes, require_judgeable, require_limits, table
from sim.evaluation.rows import make_row
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, LimitError
from vgf_robot.results import print_table

SETTING = Setting.of(4, 2, 0.05, "argmax")


def episode(success: bool | None, total_reward: float = 0.0, num_misses: int = 0) -> Episode:
    return Episode(
        success=success,
        total_reward=total_reward,
        num_periods=10,
        num_misses=num_misses,
        steps=15,
        fallbacks={"late_reply": num_misses} if num_misses else {},
        displacement=(0.3, 0.4),
        latencies_ms={"tick": (1.0, 2.0, 3.0), "step": (0.5,)},
    )


def row(folder: Path, episodes: list[Episode], clock: str = "lock-step", mode: str = "tuned") -> dict:
    bundle = Bundle.load(make_bundle(folder / "bundle"))
    job = Job(
        bundle=bundle.folder,
        environment="Test-v0",
        backend="onnxruntime-cpu",
        threads=1,
        seed=0,
        clock=clock,  # type: ignore[arg-type]
        deadline_share=0.9,
    )
    return make_row(job, bundle, mode, SETTING, episodes)


def test_a_row_has_every_key_and_pools_periods_over_episodes(tmp_path: Path) -> None:
    found = row(tmp_path, [episode(True, 4.0, num_misses=2), episode(False, 2.0, num_misses=1)])
    assert list(found) == [
        *("mode", "task", "backend", "precision", "num_particles", "reference_steps", "max_steps", "step_size"),
        *("min_gain", "selection", "deadline_ms", "episodes", "outcomes", "returns"),
        *("success_rate", "success_low", "success_high"),
        *("return_mean", "return_low", "return_high", "mean_steps", "miss_rate", "fallbacks", "displacement_rms"),
        "data_distance_mean",
        *("tick_ms", "reference_ms", "step_ms", "select_ms", "round_trip_ms"),
    ]
    assert (found["success_rate"], found["return_mean"], found["episodes"]) == (0.5, 3.0, 2)
    assert (found["mean_steps"], found["miss_rate"], found["fallbacks"]) == (1.5, 0.15, {"late_reply": 3})
    assert found["displacement_rms"] == pytest.approx((0.125) ** 0.5)
    assert found["returns"] == [4.0, 2.0]
    assert found["data_distance_mean"] is None
    assert found["tick_ms"]["p50"] == 2.0
    assert found["select_ms"] is None
    assert found["deadline_ms"] is None


def test_a_deadline_stands_in_real_time_rows_only(tmp_path: Path) -> None:
    assert row(tmp_path, [episode(True)], clock="real-time")["deadline_ms"] == pytest.approx(45.0)


def test_a_task_without_success_shows_its_return(tmp_path: Path) -> None:
    found = row(tmp_path, [episode(None, 5.0), episode(None, 7.0)])
    assert found["success_rate"] is None
    assert found["return_low"] <= 6.0 <= found["return_high"]
    cells, columns = table([found])
    assert "return (95 %)" in columns
    assert "success % (95 %)" not in columns
    assert cells[0]["return (95 %)"] == "6 (5 to 7)"


def test_the_table_leaves_out_what_is_certain_or_the_same_everywhere(tmp_path: Path) -> None:
    cells, columns = table([row(tmp_path, [episode(True)])])
    assert columns == ["mode", "N", "steps", "success % (95 %)", "moved", "tick ms"]
    assert (cells[0]["steps"], cells[0]["success % (95 %)"]) == ("2", "100 (21 to 100)")
    cells, columns = table([row(tmp_path, [episode(True, num_misses=1)], clock="real-time")])
    assert (cells[0]["steps"], cells[0]["misses"]) == ("1.5 of 2", "10 %")


def test_limits_judge_the_tuned_row(tmp_path: Path) -> None:
    bad = {**row(tmp_path, [episode(False)]), "mode": "reference"}
    good = row(tmp_path, [episode(True, 3.0)])
    require_limits([bad, good], Plan(min_success=0.9, min_return=3.0, max_miss_rate=0.0))
    with pytest.raises(LimitError, match=r"success rate 0, expected at least 0.9"):
        require_limits([bad], Plan(min_success=0.9))
    with pytest.raises(LimitError, match=r"mean return 3, expected at least 3.5"):
        require_limits([bad, good], Plan(min_return=3.5))
    with pytest.raises(LimitError, match=r"miss rate 0.1, expected at most 0.05"):
        require_limits([row(tmp_path, [episode(True, num_misses=1)])], Plan(max_miss_rate=0.05))


def test_limits_judge_the_adaptive_row_and_not_what_stands_beside_it(tmp_path: Path) -> None:
    bad, good = episode(False, num_misses=5), episode(True)
    rows = [
        row(tmp_path, [each], "real-time", mode)
        for mode, each in (("fixed-0", bad), ("fixed-cap", bad), ("adaptive", good))
    ]
    plan = Plan(clock="real-time", min_success=1.0, max_miss_rate=0.0)
    require_limits(rows, plan)
    require_limits([rows[0], {**rows[2], "mode": "sweep"}], plan)
    with pytest.raises(LimitError, match="sweep"):
        require_limits([rows[0], {**rows[1], "mode": "sweep"}], plan)
    with pytest.raises(LimitError, match="fixed-0"):
        require_limits(rows[:1], plan)


def test_a_return_that_is_no_number_meets_no_limit(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="mean return nan"):
        require_limits([{**row(tmp_path, [episode(None)]), "return_mean": float("nan")}], Plan(min_return=-1e9))


def test_a_success_limit_on_a_task_of_returns_is_refused_before_the_work() -> None:
    with pytest.raises(ConfigError, match=r"'Hopper-v5' gives returns and no success; take --min-return"):
        require_judgeable(Plan(min_success=0.5), "Hopper-v5", lambda _: False)
    require_judgeable(Plan(min_success=0.5), "Test-v0", lambda _: True)
    require_judgeable(Plan(min_return=0.5), "Hopper-v5", lambda _: pytest.fail("nobody need be asked"))


LATENCY = {"p50": 12.345, "p95": 50.0, "p99": 123.456, "p999": 200.0, "max": 300.0}
WIDEST = {"tick_ms": LATENCY, "round_trip_ms": LATENCY, "mean_steps": 2.34, "miss_rate": 0.12345, "step_size": 0.05}


@pytest.mark.parametrize("success", [True, None])
@pytest.mark.parametrize("clock", ["lock-step", "real-time"])
@pytest.mark.parametrize("varied", [True, False])
def test_the_table_fits_a_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    success: bool | None,
    clock: str,
    varied: bool,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    found = row(tmp_path, [episode(success, -12345.6, num_misses=1)], clock, "fixed-cap") | WIDEST | {"max_steps": 10}
    other = found | ({"step_size": 0.01, "selection": "softmax", "num_particles": 10} if varied else {})
    print_table("title", *for_terminal(table([found, other])))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    heading = lines[2]
    assert all(column in heading for column in ("mode", "steps", "misses", "success" if success else "return"))


def test_the_table_leaves_nothing_out_where_there_is_room(tmp_path: Path) -> None:
    cells = table([row(tmp_path, [episode(True)])])
    assert for_terminal(cells) == cells


def test_what_could_not_be_sealed_is_a_note_and_no_error(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    bad = {**row(tmp_path, [episode(None)]), "mode": "sweep", "return_mean": float("nan")}
    evaluation = Evaluation(bundle=bundle, plan=Plan(steps=(1,)), environment="Test-v0", rows=[bad])
    assert any("would refuse this evaluation" in note for note in notes(evaluation))
