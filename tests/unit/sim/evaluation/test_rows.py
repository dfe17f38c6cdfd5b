from __future__ import annotations

from pathlib import Path

import pytest

from sim.evaluation.episode import Episode
from sim.evaluation.job import Job
from sim.evaluation.limits import require_limits
from sim.evaluation.rows import make_row
from sim.evaluation.setting import Setting
from sim.evaluation.table import table
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, LimitError

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
        *("selection", "deadline_ms", "episodes", "success_rate", "success_low", "success_high"),
        *("return_mean", "return_low", "return_high", "mean_steps", "miss_rate", "fallbacks", "displacement_rms"),
        *("tick_ms", "reference_ms", "step_ms", "select_ms", "round_trip_ms"),
    ]
    assert (found["success_rate"], found["return_mean"], found["episodes"]) == (0.5, 3.0, 2)
    assert (found["mean_steps"], found["miss_rate"], found["fallbacks"]) == (1.5, 0.15, {"late_reply": 3})
    assert found["displacement_rms"] == pytest.approx((0.125) ** 0.5)
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
    good = row(tmp_path, [episode(True)])
    require_limits([bad, good], min_success=0.9, max_miss_rate=0.0)
    with pytest.raises(LimitError, match=r"success rate 0, expected at least 0.9"):
        require_limits([bad], min_success=0.9, max_miss_rate=None)
    with pytest.raises(LimitError, match=r"miss rate 0.1, expected at most 0.05"):
        require_limits([row(tmp_path, [episode(True, num_misses=1)])], min_success=None, max_miss_rate=0.05)


def test_a_success_limit_on_a_task_of_returns_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no success"):
        require_limits([row(tmp_path, [episode(None)])], min_success=0.5, max_miss_rate=None)
