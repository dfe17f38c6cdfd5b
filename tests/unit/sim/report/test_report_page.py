"""The page: everything of a suite's folder in one file, looked at by a browser."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sim.commands.report import main
from sim.report import Wishes, write_report
from sim.suite.command import publish
from sim.suite.run import EPISODES, JOURNAL, RESOLVED
from tests.browser import look
from tests.unit.sim.suite.suites import BUDGETS, make_suite, run
from vgf_robot.errors import ConfigError, DatasetError, LimitError

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
CAREFUL = [{"name": "<careful>", "max_distance": 0.05}, {"name": "bold", "max_distance": 0.1}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished suite with faults, deadlines, caution and a limit that is not kept."""
    place = tmp_path_factory.mktemp("report")
    limits = [{"budget": "sealed", "min_success": 1.0}, {"max_miss_rate": 1.0}]
    suite = make_suite(place, budgets=[*BUDGETS, *CAREFUL], limits=limits)
    rows = run(suite, place / "out")
    with pytest.raises(LimitError):
        publish(suite, place / "out", rows, None)
    return place / "out"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `tune --json` writes, made up."""
    path = tmp_path_factory.mktemp("tune") / "tune.json"
    time = {"p50": 1.0, "p95": 1.5, "p99": 2.0, "p999": 2.5, "max": 3.0}
    stages = {"tick_ms": time, "reference_ms": time, "step_ms": time, "select_ms": time}
    row = {
        **{"backend": "onnxruntime-cpu", "precision": "float32", "threads": 1, "num_particles": 10, "max_steps": 1},
        **{"reference_steps": 5, "step_size": 0.1, "selection": "argmax", "max_distance": None, "deadline_ms": 5.0},
        **{"success_rate": 0.5, "success_low": 0.1, "success_high": 0.9, "mean_steps": 1.0, "miss_rate": 0.01},
        **{"predicted_miss_rate": 0.01, "left_out": None, "simulated_ms": 5.0, "episodes": 10, "chosen": True},
        **{"value_mean": 1.0, "displacement_rms": 0.1, "data_distance_mean": None},
    }
    modes = ("stage-costs", "sweep", "tuned", "best-of-n", "frontier", "caution")
    settings = {"bundle_name": "tiny", "deadline_ms": [5.0], "miss_rate": 0.01, "seed": 1, "confirm_seed": 2}
    content = {
        "verb": "tune",
        "version": "0",
        "device": {"cpu": "an invented one", "cores": 3},
        "settings": {**settings, "data_distance_median": None, "data": None},
        "rows": [{"mode": mode, **row, **stages} for mode in modes],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def page(folder: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    assert write_report([folder], [tuned], Wishes(out=out, when=WHEN, films=False)) == 60
    return out


def text_of(page: Path) -> str:
    """The page without its scripts, whose code names addresses that it never asks."""
    return re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.DOTALL)


def test_the_page_holds_everything_and_needs_no_network(page: Path, folder: Path) -> None:
    text = text_of(page)
    assert "src=" not in text
    assert "<link rel" not in text.replace('<link rel="icon" href="data:,">', "")
    for part in (
        "With 45 ms for the policy:",
        "What breaks",
        "Caution",
        "Limits",
        "How to repeat it",
        "an invented one",
    ):
        assert part in text
    assert text.index("In short") < text.index("With 45 ms for the policy:") < text.index("Success against budget")
    assert f"vgf-robot eval out.yaml --out {folder}" in text
    assert f"vgf-robot report {folder} --tune" in text
    assert "reference_steps: null" in text  # the resolved suite
    assert text.count("sha256") >= 2
    assert "; onnxruntime " in text
    assert "No films were asked for." in text


def test_limits_are_shown_with_what_came_of_them(page: Path) -> None:
    tags = re.findall(r'class="tag (\w+)">[^<]*</span>(Limit \d)', text_of(page))
    assert tags == [("unmet", "Limit 1"), ("met", "Limit 2")]


def test_no_name_becomes_markup(page: Path) -> None:
    assert "<careful>" not in page.read_text()
    assert "&lt;careful&gt;" in page.read_text()


@pytest.mark.realtime
def test_a_browser_sees_no_empty_plot_and_no_fault(page: Path, tmp_path: Path) -> None:
    seen = look(page, tmp_path)
    assert seen.faults == []
    assert seen.empty == []
    titles = [plot["title"] for plot in seen.plots]
    assert titles[:4] == [
        "Success against budget, without faults",
        "Success against latency",
        "Periods missed, and the floor",
        "Latency against the deadline",
    ]
    assert sorted(titles[5:7]) == ["late", "noise"]
    assert "score against deadline: the best setting of each" in titles


@pytest.mark.realtime
def test_a_phone_shows_the_whole_width(page: Path, tmp_path: Path) -> None:
    seen = look(page, tmp_path, width=390)
    assert seen.width <= 390
    assert seen.needed <= seen.width
    assert all(plot["width"] <= seen.width for plot in seen.plots)
    assert seen.empty == []


@pytest.mark.realtime
def test_an_empty_plot_is_seen(page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    emptied = re.sub(
        r'("application/json">)\{"data":\[.*?\],"layout"', r'\1{"data":[],"layout"', page.read_text(), count=1
    )
    broken.write_text(emptied)
    assert look(broken, tmp_path).empty == ["Success against budget, without faults"]


def test_a_suite_that_was_killed_is_reported_as_far_as_it_came(folder: Path, tmp_path: Path) -> None:
    for name in (RESOLVED, JOURNAL):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (tmp_path / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_text("".join(lines[:45]) + '{"task": "ti')
    out = tmp_path / "report.html"
    assert write_report([tmp_path], [], Wishes(out=out, when=WHEN, films=False)) == 45
    text = text_of(out)
    assert "15 of 60 episodes have not been run" in text
    assert "The machine is unknown" in text
    assert 'class="tag open">not judged</span>Limit 1' in text


@pytest.mark.realtime
def test_without_a_renderer_one_line_says_so(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report([folder], [], Wishes(out=out, when=WHEN, user_gl="disable"))
    assert 'class="mark">No video' in text_of(out)
    assert "<video" not in text_of(out)


def test_the_verb_writes_page_and_rows(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, rows = tmp_path / "report.html", tmp_path / "rows.json"
    assert main([str(folder), "--out", str(out), "--no-films", "--json", str(rows)]) == 0
    assert capsys.readouterr().out == f"{out}: 60 episodes.\n"
    content = json.loads(rows.read_text())
    assert content["verb"] == "report"
    assert {row["mode"] for row in content["rows"]} == {"cell", "comparison"}


def test_what_is_no_source_is_one_sentence_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    out, empty = tmp_path / "report.html", tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "eval.json").write_text('{"verb": "eval", "rows": [], "settings": {}, "device": {}}')
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "old.json").write_text('{"verb": "tune", "rows": [], "settings": {}, "device": {}}')
    (empty / RESOLVED).write_bytes((folder / RESOLVED).read_bytes())
    (damaged := tmp_path / "damaged").mkdir()
    (damaged / RESOLVED).write_bytes((folder / RESOLVED).read_bytes())
    (damaged / EPISODES).write_text("nothing")
    refused = [
        ([str(tmp_path / "nowhere"), "--out", str(out)], ConfigError, "is no suite's folder"),
        ([str(empty), "--out", str(out)], DatasetError, "no episode of the suite has ended"),
        ([str(damaged), "--out", str(out)], DatasetError, "cannot be read"),
        ([str(folder), "--out", str(tmp_path / "report.txt")], ConfigError, r"ends in \.html"),
        (["--out", str(out)], ConfigError, "No folder is given"),
        ([str(folder), "--tune", str(tmp_path / "no.json"), "--out", str(out)], ConfigError, "does not exist"),
        ([str(folder), "--tune", str(tmp_path / "eval.json"), "--out", str(out)], ConfigError, "found that of `eval`"),
        ([str(folder), "--tune", str(tmp_path / "bad.json"), "--out", str(out)], DatasetError, "is damaged"),
        (["--tune", str(tmp_path / "old.json"), "--out", str(out)], DatasetError, "is no tuning of this version"),
    ]
    for arguments, error, message in refused:
        with pytest.raises(error, match=message) as caught:
            main(arguments)
        assert "\n" not in str(caught.value)
    assert not out.exists()
