"""Sealing: the operating point an evaluation speaks for, and scores from other seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.commands import export
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, ConfigError, ExportError


def row(**changes) -> dict:
    return {
        "mode": "sweep",
        "task": "Test-v0",
        "num_particles": 4,
        "reference_steps": 2,
        "max_steps": 1,
        "step_size": 0.05,
        "selection": "argmax",
        "episodes": 50,
        "success_rate": 0.5,
        "success_low": 0.37,
        "success_high": 0.63,
        "tick_ms": {"p50": 1.0},
        **changes,
    }


def write_evaluation(path: Path, bundle: Bundle, rows: list[dict], seed: int = 1, **settings) -> Path:
    facts = {"bundle_sha256": bundle.sha256, "seed": seed, "clock": "lock-step", "environment": "Test-v0", **settings}
    path.write_text(json.dumps({"verb": "eval", "settings": facts, "rows": rows}))
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(make_bundle(tmp_path / "open"))


def seal(tmp_path: Path, bundle: Bundle, rows: list[dict], **settings) -> Bundle:
    evaluation = write_evaluation(tmp_path / "eval.json", bundle, rows, **settings)
    out = tmp_path / "sealed"
    assert export.main([str(bundle.folder), "--out", str(out), "--cap-from", str(evaluation)]) == 0
    return Bundle.load(out)


def test_the_best_setting_is_sealed_with_the_scores_it_was_chosen_by(tmp_path: Path, bundle: Bundle) -> None:
    best = row(max_steps=2, step_size=0.01, success_rate=0.9, success_low=0.79, success_high=0.96, num_particles=1)
    sealed = seal(tmp_path, bundle, [row(), best])
    point = sealed.manifest.operating_point
    assert (point.num_particles, point.max_steps, point.step_size, point.sealed) == (1, 2, 0.01, True)
    assert sealed.manifest.provenance["selection"]["settings"]["seed"] == 1
    assert len(sealed.manifest.provenance["selection"]["rows"]) == 2
    assert "tick_ms" not in sealed.manifest.provenance["selection"]["rows"][0]
    graphs = {name for name in bundle.manifest.files if name.endswith(".onnx")}
    assert all(sealed.manifest.files[name] == bundle.manifest.files[name] for name in graphs)


def test_a_cap_of_zero_is_an_answer(tmp_path: Path, bundle: Bundle) -> None:
    best = row(max_steps=0, step_size=None, success_rate=0.95, success_low=0.85, success_high=0.99)
    assert seal(tmp_path, bundle, [best, row()]).manifest.operating_point.max_steps == 0


def test_an_evaluation_of_another_bundle_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    other = write_evaluation(tmp_path / "other.json", bundle, [row()], bundle_sha256="0" * 64)
    with pytest.raises(BundleError, match="evaluation is of another bundle"):
        export.main([str(bundle.folder), "--out", str(tmp_path / "x"), "--cap-from", str(other)])
    assert not (tmp_path / "x").exists()


def test_scores_come_from_other_seeds_than_the_setting(tmp_path: Path, bundle: Bundle) -> None:
    sealed = seal(tmp_path, bundle, [row()], seed=1)
    same = write_evaluation(tmp_path / "same.json", sealed, [row()], seed=1)
    with pytest.raises(BundleError, match="used seed 1, on which the setting was chosen"):
        export.main([str(sealed.folder), "--out", str(tmp_path / "x"), "--scores-from", str(same)])
    held_out = write_evaluation(tmp_path / "other.json", sealed, [row(mode="tuned")], seed=2)
    assert export.main([str(sealed.folder), "--out", str(tmp_path / "x"), "--scores-from", str(held_out)]) == 0
    scored = Bundle.load(tmp_path / "x").manifest
    assert scored.provenance["scores"]["rows"][0]["mode"] == "tuned"
    assert scored.operating_point == sealed.manifest.operating_point


def test_an_evaluation_of_another_task_or_against_the_clock_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    for changes, message in (({"environment": "Other-v0"}, "is of Other-v0"), ({"clock": "real-time"}, "lock-step")):
        evaluation = write_evaluation(tmp_path / "e.json", bundle, [row()], **changes)
        with pytest.raises(BundleError, match=message):
            export.main([str(bundle.folder), "--out", str(tmp_path / "x"), "--cap-from", str(evaluation)])


def test_what_is_no_evaluation_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "bad.json").write_text("{")
    for path in (tmp_path / "bad.json", tmp_path / "missing.json"):
        with pytest.raises(BundleError, match="is no evaluation"):
            export.main([str(bundle.folder), "--out", str(tmp_path / "x"), "--cap-from", str(path)])


def test_an_unsealed_bundle_takes_no_scores(tmp_path: Path, bundle: Bundle) -> None:
    evaluation = write_evaluation(tmp_path / "e.json", bundle, [row()])
    with pytest.raises(BundleError, match="is not sealed"):
        export.main([str(bundle.folder), "--out", str(tmp_path / "x"), "--scores-from", str(evaluation)])


def test_options_that_make_no_sense(tmp_path: Path, bundle: Bundle) -> None:
    evaluation = write_evaluation(tmp_path / "e.json", bundle, [row()])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("")
    with pytest.raises(ConfigError, match="is a run folder"):
        export.main([str(tmp_path / "run"), "--out", str(tmp_path / "x"), "--cap-from", str(evaluation)])
    with pytest.raises(ConfigError, match="steps of their own"):
        export.main([str(bundle.folder), "--out", "x", "--cap-from", str(evaluation), "--scores-from", str(evaluation)])
    with pytest.raises(ConfigError, match="cannot heed --particles, --max-steps"):
        export.main(
            [str(bundle.folder), "--out", "x", "--cap-from", str(evaluation), "--particles", "4", "--max-steps", "2"]
        )
    (tmp_path / "taken").mkdir()
    with pytest.raises(ExportError, match="exists already"):
        export.main([str(bundle.folder), "--out", str(tmp_path / "taken"), "--cap-from", str(evaluation)])
