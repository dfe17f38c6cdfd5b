from __future__ import annotations

from pathlib import Path

import pytest

from sim.evaluation.setting import Setting
from sim.evaluation.sweep import Axes, plan_rows
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.errors import BudgetError


def manifest(folder: Path, **changes: object) -> Manifest:
    return Bundle.load(make_bundle(folder / "bundle", **changes)).manifest  # type: ignore[arg-type]


def test_without_axes_the_three_modes_are_run(tmp_path: Path) -> None:
    rows = plan_rows(Axes(), manifest(tmp_path, num_particles=(1, 4, 10), step_size=0.05))
    assert rows == [
        ("reference", Setting(num_particles=1, max_steps=0, step_size=None, selection=None)),
        ("best-of-n", Setting(num_particles=10, max_steps=0, step_size=None, selection="argmax")),
        ("tuned", Setting(num_particles=10, max_steps=3, step_size=0.05, selection="argmax")),
    ]


def test_best_of_n_takes_the_largest_n_where_ten_is_not_exported(tmp_path: Path) -> None:
    assert dict(plan_rows(Axes(), manifest(tmp_path)))["best-of-n"].num_particles == 4


def test_one_particle_alone_has_no_best_of_n(tmp_path: Path) -> None:
    assert list(dict(plan_rows(Axes(), manifest(tmp_path, num_particles=(1,))))) == ["reference", "tuned"]


def test_a_cap_of_zero_is_reported_as_tuned_and_shares_its_setting(tmp_path: Path) -> None:
    rows = dict(plan_rows(Axes(), manifest(tmp_path, max_steps=0, sealed=True)))
    assert rows["tuned"].max_steps == 0
    assert rows["tuned"] == rows["best-of-n"]


def test_what_does_not_matter_makes_no_second_row(tmp_path: Path) -> None:
    axes = Axes(num_particles=(1, 4), max_steps=(0, 1, 1), step_size=(0.01, 0.05), selection=("argmax", "uniform"))
    rows = plan_rows(axes, manifest(tmp_path))
    # N 1: no step, or one of two sizes; N 4: two rules, each without a step or with one of two sizes
    assert len(rows) == (1 + 2) + 2 * (1 + 2)
    assert len({setting for _, setting in rows}) == len(rows)
    assert [mode for mode, _ in rows].count("reference") == 1
    assert [mode for mode, _ in rows].count("best-of-n") == 1


def test_an_axis_left_out_stays_at_the_operating_point(tmp_path: Path) -> None:
    rows = plan_rows(Axes(max_steps=(1, 3)), manifest(tmp_path, step_size=0.02))
    assert rows == [
        ("sweep", Setting(num_particles=4, max_steps=1, step_size=0.02, selection="argmax")),
        ("tuned", Setting(num_particles=4, max_steps=3, step_size=0.02, selection="argmax")),
    ]


def test_particles_that_were_not_exported_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"one of \[1, 4\].*found 7"):
        plan_rows(Axes(num_particles=(1, 7)), manifest(tmp_path))


def test_steps_above_the_cap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"0 to 3.*found 9"):
        plan_rows(Axes(max_steps=(9,)), manifest(tmp_path))
