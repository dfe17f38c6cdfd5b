"""Selecting: what is asked of the verbs, what is chosen, what is not done twice, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.commands import select as command
from sim.selection import work_folder
from tests.unit.sim.selection.verbs import FakeVerbs, forget, make_run
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError, ConfigError, ExportError, PlantError, RunError

GRID = ["--num-particles", "1,4", "--steps", "0,1,2", "--step-size", "0.05,0.3", "--episodes", "5"]


def score(updates: int, num: int, steps: int, size: float | None) -> float:
    """The middle checkpoint is best, at one long step; two are as good and dearer."""
    best = updates == 20 and num == 4 and size == 0.3
    return 0.8 if best and steps == 1 else 0.81 if best else 0.3 + updates / 1000


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> FakeVerbs:
    fake = FakeVerbs(score)
    monkeypatch.setattr(command, "call", fake)
    monkeypatch.setattr(command, "knows_success", lambda name: True)
    return fake


def select(run: Path, out: Path, *options: str) -> int:
    return command.main([str(run), "--out", str(out), *(options or GRID)])


def test_the_best_checkpoint_is_sealed_at_the_cheapest_setting_that_is_as_good(
    run: Path, verbs: FakeVerbs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert select(run, tmp_path / "best", *GRID, "--json", str(tmp_path / "select.json")) == 0
    manifest = Bundle.load(tmp_path / "best").manifest
    point = manifest.operating_point
    assert (point.num_particles, point.max_steps, point.step_size, point.sealed) == (4, 1, 0.3, True)
    assert manifest.provenance["checkpoint"] == "000000020.safetensors"
    assert manifest.provenance["scores"]["settings"]["seed"] == 1000
    among = manifest.provenance["selection"]["settings"]["selected_among"]
    assert among["checkpoints"] == ["000000020", "000000030"]  # at 10 the critic has learned nothing
    assert (among["rows"], len(among["settings"])) == (20, 10)
    shown = capsys.readouterr().out
    assert "2 of 2, 000000030: evaluating" in shown
    assert "is sealed, with these scores" in shown
    assert "export says something" not in shown
    assert "export says something" in (run / "selection" / "log.txt").read_text()
    assert "Plotly.newPlot(" in (run / "selection" / "learning-curve.html").read_text()
    content = json.loads((tmp_path / "select.json").read_text())
    assert next((row["checkpoint"], row["max_steps"]) for row in content["rows"] if row["chosen"]) == ("000000020", 1)
    assert {row["seed"] for row in content["rows"]} == {0, 1000}


def test_a_second_time_nothing_is_evaluated_again(run: Path, verbs: FakeVerbs, tmp_path: Path) -> None:
    select(run, tmp_path / "one")
    assert verbs.count("eval") == 3  # two checkpoints and the report
    select(run, tmp_path / "two")
    assert verbs.count("eval") == 3
    assert Bundle.load(tmp_path / "one").sha256 == Bundle.load(tmp_path / "two").sha256
    (run / "checkpoints" / "000000040.safetensors").write_text("networks 40")
    select(run, tmp_path / "three")
    assert verbs.count("eval") == 5  # the new checkpoint, and a report: the choice knows more


def test_an_interrupt_keeps_what_is_there(
    run: Path, verbs: FakeVerbs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verbs.interrupt_at = "000000030.safetensors"
    with pytest.raises(KeyboardInterrupt):
        select(run, tmp_path / "out")
    assert "1 of 2 checkpoints are evaluated" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert (run / "selection" / "learning-curve.html").exists()
    verbs.interrupt_at, verbs.calls = None, []
    assert select(run, tmp_path / "out") == 0
    assert (verbs.count("export"), verbs.count("eval")) == (2, 2)  # seal and scores; the second and the report


def test_an_interrupted_evaluation_is_made_again(run: Path, verbs: FakeVerbs, tmp_path: Path) -> None:
    select(run, tmp_path / "one")
    path = run / "selection" / "evaluations" / "000000030.json"
    content = json.loads(path.read_text())
    content["settings"]["interrupted"] = True
    path.write_text(json.dumps(content))
    select(run, tmp_path / "two")
    assert verbs.count("eval") == 4


def test_where_nothing_is_said_the_bundle_decides(run: Path, verbs: FakeVerbs, tmp_path: Path) -> None:
    assert select(run, tmp_path / "out", "--checkpoints", "10,30", "--form", "independent") == 0
    (export, given), (_, asked) = verbs.calls[:2]
    assert (export, given[1:4:2]) == ("export", ["--checkpoint", "--out"])
    assert given[-2:] == ["--form", "independent"]
    options = dict(zip(asked[1::2], asked[2::2], strict=True))
    assert (options["--num-particles"], options["--steps"], options["--step-size"]) == ("1,4", "0,1,2", "0.05")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--checkpoints", "10,50"], RunError, "no checkpoint of update 50; there are: 10, 20, 30"),
        (["--checkpoints", "last"], ConfigError, "--checkpoints: expected 'all' or numbers"),
        (["--report-seed", "0"], ConfigError, "--report-seed: expected another than the 0 that chooses"),
        (["--report-seed", "-1"], ConfigError, "--report-seed: expected 0 or more"),
        (["--episodes", "0"], ConfigError, "episodes"),
        (["--workers", "0"], ConfigError, "--workers: expected 1 or more"),
        (["--steps", "few"], ConfigError, "--steps: expected numbers such as 0,1,4"),
        (["--step-size", "0"], ConfigError, "step_size"),
        (["--selection", "best"], ConfigError, "selection"),
    ],
)
def test_bad_options_are_one_sentence_before_the_work(
    run: Path, verbs: FakeVerbs, tmp_path: Path, options: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        select(run, tmp_path / "out", *options)
    assert (verbs.calls, (run / "selection").exists()) == ([], False)


def test_bad_runs_and_places_are_one_sentence_before_the_work(
    run: Path, verbs: FakeVerbs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ExportError, match="taken exists already"):
        select(run, tmp_path / "taken")
    with pytest.raises(RunError, match="is no run folder"):
        select(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(RunError, match="has no checkpoint to select from"):
        select(make_run(tmp_path / "empty", updates=()), tmp_path / "out")
    with pytest.raises(RunError, match="no checkpoint with a trained critic yet, the last is of update 10"):
        select(make_run(tmp_path / "young", updates=(5, 10)), tmp_path / "out")
    broken = make_run(tmp_path / "broken", task={})
    with pytest.raises(RunError, match="is no run's configuration"):
        select(broken, tmp_path / "out")

    def missing(name: str) -> bool:
        raise PlantError(f"'{name}' is no plant.")

    monkeypatch.setattr(command, "knows_success", missing)
    with pytest.raises(PlantError, match="'Test-v0' is no plant"):
        select(run, tmp_path / "out")
    assert (verbs.calls, (run / "selection").exists()) == ([], False)


def test_files_of_something_else_are_refused_before_the_work(run: Path, verbs: FakeVerbs, tmp_path: Path) -> None:
    select(run, tmp_path / "one")
    verbs.calls = []
    with pytest.raises(ConfigError, match="holds evaluations with episodes 5, found 6 asked for"):
        select(run, tmp_path / "two", *GRID[:-1], "6")
    work = run / "selection"
    path = work / "evaluations" / "000000030.json"
    other = (work / "evaluations" / "000000020.json").read_text()
    path.write_text(other)
    with pytest.raises(BundleError, match=r"000000030.json is an evaluation of another bundle"):
        select(run, tmp_path / "two")
    path.write_text("{")
    with pytest.raises(BundleError, match=r"000000030.json is no evaluation"):
        select(run, tmp_path / "two")
    path.unlink()
    (run / "checkpoints" / "000000030.safetensors").write_text("trained again")
    with pytest.raises(BundleError, match="was exported from other networks"):
        select(run, tmp_path / "two")
    assert (verbs.calls, (tmp_path / "two").exists()) == ([], False)
    forget(work)
    assert select(run, tmp_path / "two") == 0


def test_an_evaluation_with_other_settings_is_refused(run: Path, verbs: FakeVerbs, tmp_path: Path) -> None:
    select(run, tmp_path / "one")
    bundle = Bundle.load(run / "selection" / "bundles" / "000000030")
    path = run / "selection" / "evaluations" / "000000030.json"
    with pytest.raises(ConfigError, match="was evaluated with seed 0, expected 7"):
        work_folder.evaluation_of(path, bundle, {"seed": 7})
    assert work_folder.evaluation_of(tmp_path / "none.json", bundle, {}) is None
