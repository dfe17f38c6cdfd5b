"""`vgf-robot select` with the real exporter and the real evaluation, on a run of seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from policies.commands import train
from policies.critic import Aggregation
from policies.transport import Form
from sim.commands import eval as eval_command
from sim.commands import results, select
from sim.evaluation.evaluate import evaluate
from sim.selection import request
from tests import runs
from tests.unit.sim.evaluation.fakes import open_fake
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError
from vgf_robot.verbs import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that fits the plant of the tests, and that plant in the place of all others."""
    monkeypatch.setattr(runs, "OBSERVATION_SIZE", 3)
    monkeypatch.setattr(eval_command, "evaluate", lambda bundle, plan: evaluate(bundle, plan, open_fake))
    monkeypatch.setattr(select, "knows_success", lambda name: True)
    task = runs.config_content(tmp_path)["task"] | {"observation": [{"name": "state", "size": 3, "unit": "m"}]}
    torch.set_num_threads(1)
    config = runs.write_config(tmp_path, task=task, checkpoint_every=10)
    train.main([str(config), "--out", str(tmp_path / "run")])
    return tmp_path / "run"


def test_from_a_run_to_a_sealed_bundle_and_a_page(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "best", tmp_path / "page.md"
    sizes = ["--num-particles", "2", "--steps", "0,1", "--step-size", "0.1", "--episodes", "3"]
    assert select.main([str(run), "--out", str(out), *sizes, "--report-episodes", "2"]) == 0
    manifest = Bundle.load(out).manifest
    assert manifest.operating_point.sealed
    assert [row["mode"] for row in manifest.provenance["scores"]["rows"]] == ["best-of-n", "tuned"]
    among = manifest.provenance["selection"]["settings"]["selected_among"]
    assert among["checkpoints"] == ["000000022", "000000026"]
    evaluations = sorted((run / "selection" / "evaluations").glob("*.json"))
    before = [path.stat().st_mtime_ns for path in evaluations]
    assert select.main([str(run), "--out", str(tmp_path / "again"), *sizes, "--report-episodes", "2"]) == 0
    assert [path.stat().st_mtime_ns for path in evaluations] == before
    assert "evaluated before" in capsys.readouterr().out

    assert results.main([str(run), str(out), "--out", str(page)]) == 0
    text = page.read_text()
    assert text.count("| Test-v0 | vgf | 0 |") == 2  # the run's files and the bundle's manifest say the same
    assert "0.1 |" in text


def test_what_the_exporter_refuses_is_its_sentence_and_the_folder_stays_usable(run: Path, tmp_path: Path) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("method: vgf", "method: ifql"))
    with pytest.raises(ConfigError, match="--max-steps: ifql chooses among samples"):
        select.main([str(run), "--out", str(tmp_path / "best"), "--steps", "0,1", "--episodes", "2"])
    assert not (tmp_path / "best").exists()
    assert not list((run / "selection").glob("*/*"))
    with pytest.raises(ConfigError, match="--num-particles"):
        select.main([str(run), "--out", str(tmp_path / "best"), "--num-particles", "one"])


def test_the_words_for_form_and_aggregation_are_the_exporters() -> None:
    assert (request.Form, request.Aggregation) == (Form, Aggregation)
    with pytest.raises(ConfigError, match="form"):
        select.main(["run", "--out", "best", "--form", "round"])


def test_a_missing_environment_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = runs.write_config(tmp_path)
    train.main([str(config), "--out", str(tmp_path / "run")])
    capsys.readouterr()
    assert main(["select", str(tmp_path / "run"), "--out", str(tmp_path / "best")]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("vgf-robot select: 'Test-v0' is no plant")
    assert not (tmp_path / "run" / "selection").exists()
    assert json.loads((tmp_path / "run" / "dataset.json").read_text())
