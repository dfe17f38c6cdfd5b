"""`vgf-robot tune` on a shipped bundle, and the bundle driven with what came out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.commands.tune import Options, main, resolve_request
from sim.tuning.request import TuneRequest
from vgf_robot import verbs
from vgf_robot.config import load
from vgf_robot.profile import load_profile

ROOT = Path(__file__).parents[2]


def test_a_shipped_bundle_is_tuned_and_driven_with_its_profile(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    profile, rows, page = tmp_path / "profile.json", tmp_path / "rows.json", tmp_path / "page.html"
    argv = ["hopper-replay", "--profile", "configs/eval/devices/slow-board.json", "--deadline-ms", "3,5"]
    argv += ["--num-particles", "10", "--episodes", "1", "--confirm-episodes", "1", "--ladder-ms", "3"]
    argv += ["--work", str(tmp_path / "work"), "--out", str(profile), "--json", str(rows), "--page", str(page)]
    assert main(argv) == 0
    said = capfd.readouterr().out
    assert "what each further millisecond buys" in said
    assert f"serve hopper-replay --profile {profile}" in said
    written = json.loads(rows.read_text())
    assert written["verb"] == "tune"
    assert {row["mode"] for row in written["rows"]} >= {"stage-costs", "sweep", "tuned", "best-of-n", "frontier"}
    assert [point.deadline_ms for point in load_profile(profile).points] == [3, 5]
    assert "Success against latency" in page.read_text()
    driven = tmp_path / "drive.json"
    drive = ["hopper-replay", "--plant", "--seconds", "0.1", "--profile", str(profile), "--json", str(driven)]
    assert verbs.call("drive", drive) == 0
    settings = json.loads(driven.read_text())["settings"]
    assert (settings["backend"], settings["threads"]) == ("onnxruntime-cpu:float32", 1)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "tune").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configurations_are_requests(path: Path) -> None:
    request = load(path, TuneRequest)
    assert request.deadline_ms
    assert request.profile is None or (ROOT / request.profile).exists()


def test_the_command_line_goes_before_the_configuration() -> None:
    request = resolve_request(
        Options(
            bundle="hopper-replay",
            config=ROOT / "configs" / "tune" / "quick.yaml",
            deadline_ms="1, 2.5",
            steps="0,4",
            backend="a, b",
        )
    )
    assert request.deadline_ms == (1.0, 2.5)
    assert (request.steps, request.backend, request.episodes) == ((0, 4), ("a", "b"), 8)
