from __future__ import annotations

from pathlib import Path

import pytest

from sim.evaluation.modes import Mode, Setting
from sim.evaluation.plan import Plan, plan_rows, require_consistent
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.errors import BudgetError, ConfigError


def manifest(folder: Path, **changes: object) -> Manifest:
    return Bundle.load(make_bundle(folder / "bundle", **changes)).manifest  # type: ignore[arg-type]


def settings(modes: list[Mode]) -> dict[str, Setting]:
    return {mode.name: mode.setting for mode in modes}


def test_without_axes_the_three_modes_are_run(tmp_path: Path) -> None:
    rows = plan_rows(Plan(), manifest(tmp_path, num_particles=(1, 4, 10), step_size=0.05))
    assert list(settings(rows).items()) == [
        ("reference", Setting(num_particles=1, max_steps=0, step_size=None, selection=None)),
        ("best-of-n", Setting(num_particles=10, max_steps=0, step_size=None, selection="argmax")),
        ("tuned", Setting(num_particles=10, max_steps=3, step_size=0.05, selection="argmax")),
    ]


def test_best_of_n_takes_the_largest_n_where_ten_is_not_exported(tmp_path: Path) -> None:
    assert settings(plan_rows(Plan(), manifest(tmp_path)))["best-of-n"].num_particles == 4


def test_one_particle_alone_has_no_best_of_n(tmp_path: Path) -> None:
    assert list(settings(plan_rows(Plan(), manifest(tmp_path, num_particles=(1,))))) == ["reference", "tuned"]


def test_a_cap_of_zero_is_reported_as_tuned_and_shares_its_setting(tmp_path: Path) -> None:
    rows = settings(plan_rows(Plan(), manifest(tmp_path, max_steps=0, sealed=True)))
    assert rows["tuned"].max_steps == 0
    assert rows["tuned"] == rows["best-of-n"]


def test_what_does_not_matter_makes_no_second_row(tmp_path: Path) -> None:
    plan = Plan(num_particles=(1, 4), steps=(0, 1, 1), step_size=(0.01, 0.05), selection=("argmax", "uniform"))
    rows = plan_rows(plan, manifest(tmp_path))
    # N 1: no step, or one of two sizes; N 4: two rules, each without a step or with one of two sizes
    assert len(rows) == (1 + 2) + 2 * (1 + 2)
    assert len({row.setting for row in rows}) == len(rows)
    assert [row.name for row in rows].count("reference") == 1
    assert [row.name for row in rows].count("best-of-n") == 1


def test_an_axis_left_out_stays_at_the_operating_point(tmp_path: Path) -> None:
    rows = plan_rows(Plan(steps=(1, 3)), manifest(tmp_path, step_size=0.02))
    assert list(settings(rows).items()) == [
        ("sweep", Setting(num_particles=4, max_steps=1, step_size=0.02, selection="argmax")),
        ("tuned", Setting(num_particles=4, max_steps=3, step_size=0.02, selection="argmax")),
    ]


def test_particles_that_were_not_exported_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"one of \[1, 4\].*found 7"):
        plan_rows(Plan(num_particles=(1, 7)), manifest(tmp_path))


def test_steps_above_the_cap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"0 to 3.*found 9"):
        plan_rows(Plan(steps=(9,)), manifest(tmp_path))


def test_against_the_clock_the_modes_are_the_floor_every_step_and_what_fits(tmp_path: Path) -> None:
    rows = plan_rows(Plan(clock="real-time"), manifest(tmp_path))
    assert [(row.name, row.setting.max_steps, row.keeps_deadline) for row in rows] == [
        ("fixed-0", 0, True),
        ("fixed-cap", 3, False),
        ("adaptive", 3, True),
    ]
    assert {row.setting.num_particles for row in rows} == {4}


def test_a_cap_of_zero_against_the_clock_shares_its_episodes_with_the_floor(tmp_path: Path) -> None:
    none, cap, adaptive = plan_rows(Plan(clock="real-time"), manifest(tmp_path, max_steps=0, sealed=True))
    assert none.way == adaptive.way != cap.way


def test_a_sweep_against_the_clock_has_a_floor_for_every_n(tmp_path: Path) -> None:
    rows = plan_rows(Plan(clock="real-time", num_particles=(1, 4), steps=(1, 3)), manifest(tmp_path))
    assert [(row.name, row.setting.num_particles, row.setting.max_steps) for row in rows] == [
        ("fixed-0", 1, 0),
        ("fixed-0", 4, 0),
        ("sweep", 1, 1),
        ("sweep", 1, 3),
        ("sweep", 4, 1),
        ("adaptive", 4, 3),
    ]
    assert all(row.keeps_deadline for row in rows)


@pytest.mark.parametrize("named", [{"keys": "keys/arm-1"}, {"server_key": "server.public"}])
def test_keys_are_for_a_server_that_runs_already(named: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="--endpoint"):
        require_consistent(Plan(**named))
    require_consistent(Plan(endpoint="tcp://127.0.0.1:5555", **named))
