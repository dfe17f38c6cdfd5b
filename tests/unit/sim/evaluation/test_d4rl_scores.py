"""D4RL's scores: for which tasks, from which returns, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.evaluation import d4rl_scores
from sim.evaluation.d4rl_scores import TASKS, normalized_score, require_task, score_columns
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.report import notes, table
from tests.bundles import make_bundle
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError


@pytest.mark.parametrize(
    ("task", "episode_return", "score"),
    [
        ("hopper-medium-v2", -20.272305, 0.0),
        ("hopper-medium-replay-v2", 3234.3, 100.0),
        ("walker2d-full-replay-v1", 2296.964504, 50.0),
        ("antmaze-large-diverse-v2", 0.838, 83.8),
        ("kitchen-mixed-v0", 2.0, 50.0),
        ("pen-human-v1", 3076.8331017826877, 100.0),
        ("halfcheetah-random-v0", 12135.0, 100.0),
    ],
)
def test_scores_are_percent_of_the_way_from_random_to_expert(task: str, episode_return: float, score: float) -> None:
    assert normalized_score(task, episode_return) == pytest.approx(score, abs=1e-6)


def test_every_task_has_an_expert_better_than_chance() -> None:
    assert len(TASKS) == 8 + 2 + 3 + 4 + 2 + 4 + 12 + 24 + 20 + 48 + 20
    assert all(scores.expert > scores.random for scores in TASKS.values())


def test_a_gymnasium_environment_is_no_task_of_d4rl() -> None:
    with pytest.raises(ConfigError, match="no reference scores for 'Hopper-v5'"):
        normalized_score("Hopper-v5", 1000.0)
    with pytest.raises(ConfigError, match="did you mean 'hopper-medium-v2'"):
        normalized_score("hopper-medum-v2", 1000.0)
    assert "-v4 and -v5 bodies are not" in d4rl_scores.__doc__.replace("\n", " ")


def test_a_task_of_another_robot_is_refused() -> None:
    for task, environment in (
        ("hopper-medium-v2", "Hopper-v5"),
        ("maze2d-umaze-v1", "PointMaze_UMaze-v3"),
        ("pen-human-v1", "AdroitHandPen-v1"),
        ("hopper-medium-v2", "robots/mine.yaml"),
    ):
        require_task(task, environment)
    for task in ("walker2d-medium-v2", "bullet-hopper-medium-v0"):
        with pytest.raises(ConfigError, match="another robot than 'Hopper-v5'"):
            require_task(task, "Hopper-v5")


def test_an_antmaze_returns_one_where_the_goal_is_reached() -> None:
    row = {"success_rate": 0.5, "success_low": 0.25, "success_high": 0.75, "return_mean": -300.0}
    assert score_columns("antmaze-umaze-v2", row) == {"d4rl_score": 50, "d4rl_low": 25, "d4rl_high": 75}
    unknown = {**row, "success_rate": None, "success_low": None, "success_high": None}
    assert set(score_columns("antmaze-umaze-v2", unknown).values()) == {None}


def test_rows_have_the_score_beside_the_return_and_the_warning_below_it(tmp_path: Path) -> None:
    class Hopper(FakePlant):
        environment_id = "Hopper-v5"

    bundle = Bundle.load(make_bundle(tmp_path / "bundle", environment="Hopper-v5"))
    found = evaluate(bundle, Plan(episodes=2, steps=(0,), d4rl_task="hopper-medium-v2"), lambda _: Hopper())
    (row,) = found.rows
    assert row["d4rl_score"] == normalized_score("hopper-medium-v2", row["return_mean"])
    assert row["d4rl_low"] <= row["d4rl_score"] <= row["d4rl_high"]
    (cells,), columns = table(found.rows)
    assert "D4RL score (95 %)" in columns
    assert cells["D4RL score (95 %)"].startswith(f"{row['d4rl_score']:.1f} (")
    assert any("Hopper-v5 is not that one" in note for note in notes(found))
    plain = evaluate(bundle, Plan(episodes=2, steps=(0,)), lambda _: Hopper())
    assert "d4rl_score" not in plain.rows[0]
    assert "D4RL score (95 %)" not in table(plain.rows)[1]
    assert not any("D4RL" in note for note in notes(plain))
