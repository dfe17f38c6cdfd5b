"""`vgf-robot eval` from the command line to the JSON, in a point maze with a policy of one line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sim.commands import eval as command
from sim.evaluation import remote
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan
from sim.evaluation.serving import serving
from tests import bundles
from tests.unit.sim.evaluation.fakes import FakePlant, open_fake
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.config import load
from vgf_robot.errors import BundleError, ConfigError, LimitError, PlantError, ServerError
from vgf_robot.verbs import main

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "eval"


@pytest.fixture
def maze_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle for the point maze: two observed coordinates, two actions in [-2, 2]."""
    monkeypatch.setattr(bundles, "OBSERVATION_SIZE", 2)
    folder = bundles.make_bundle(
        tmp_path / "maze", control_period_s=0.1, environment="pointmaze-medium-singletask-v0", max_steps=2
    )
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    manifest["observation"] = manifest["observation"][:1]
    return write_manifest(folder, msgspec.convert(manifest, bundles.Manifest)).folder


def run(bundle: Path, out: Path, *options: str) -> dict:
    assert command.main([str(bundle), "--episodes", "1", "--json", str(out), *options]) == 0
    return json.loads(out.read_text())


def test_the_three_modes_in_a_real_plant(maze_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = run(maze_bundle, tmp_path / "eval.json")
    assert content["verb"] == "eval"
    assert [row["mode"] for row in content["rows"]] == ["reference", "best-of-n", "tuned"]
    assert [row["mean_steps"] for row in content["rows"]] == [0, 0, 2]
    assert all(row["task"] == "pointmaze-medium-singletask-v0" for row in content["rows"])
    assert content["settings"]["bundle_sha256"] == Bundle.load(maze_bundle).sha256
    assert (content["settings"]["seed"], content["settings"]["clock"]) == (1000, "lock-step")
    shown = capsys.readouterr().out
    assert "best-of-n" in shown
    assert "first guess" in shown


def test_a_sweep_by_command_line_goes_before_the_configuration(maze_bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "sweep.yaml"
    config.write_text("steps: [0, 1, 2]\nnum_particles: [4]\nseed: 3\n")
    content = run(
        maze_bundle, tmp_path / "eval.json", "--config", str(config), "--steps", "1", "--step-size", "0.1,0.2"
    )
    assert [(row["max_steps"], row["step_size"]) for row in content["rows"]] == [(1, 0.1), (1, 0.2)]
    assert content["settings"]["seed"] == 3
    assert content["settings"]["steps"] == [1]


def test_every_shipped_configuration_is_valid() -> None:
    paths = sorted(CONFIGS.glob("*.yaml"))
    assert paths
    for path in paths:
        load(path, Plan)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--environment", "Hopper-v5"], PlantError, "does not fit 'Hopper-v5'"),
        (["--environment", "pointmaze"], PlantError, "is no plant"),
        (["--steps", "1,x"], ConfigError, "--steps: expected whole numbers"),
        (["--step-size", "big"], ConfigError, "--step-size: expected numbers"),
        (["--selection", "best"], ConfigError, "selection"),
        (["--clock", "fast"], ConfigError, "clock"),
        (["--episodes", "0"], ConfigError, "episodes"),
        (["--endpoint", "tcp://127.0.0.1:9"], ServerError, "127.0.0.1:9"),
        (["--min-success", "0.99"], LimitError, "success rate 0"),
    ],
)
def test_bad_input_is_one_sentence(
    maze_bundle: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], error: type, message: str
) -> None:
    monkeypatch.setattr(remote, "_CONNECT_S", 0.2)
    with pytest.raises(error, match=message):
        command.main([str(maze_bundle), "--episodes", "1", *options])


def test_exit_codes_and_messages_reach_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(tmp_path / "nothing")]) == BundleError.exit_code
    assert capsys.readouterr().err.startswith("vgf-robot eval: ")


class SlowPlant(FakePlant):
    """Long enough for a rate, short enough for a test."""

    def __init__(self) -> None:
        super().__init__(num_periods=20)


def open_slow(_: str) -> SlowPlant:
    return SlowPlant()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.load(bundles.make_bundle(tmp_path / "bundle", num_particles=(4,)))


@pytest.mark.realtime
def test_in_real_time_every_period_has_its_place(bundle: Bundle) -> None:
    rows = evaluate(bundle, Plan(episodes=1, steps=(3,), clock="real-time"), open_slow).rows
    assert rows[0]["deadline_ms"] == pytest.approx(45)
    assert 0 <= rows[0]["miss_rate"] <= 1
    assert rows[0]["tick_ms"] is not None or rows[0]["miss_rate"] == 1


@pytest.mark.realtime
def test_through_a_server_lock_step_gives_the_outcome_of_the_same_process(bundle: Bundle) -> None:
    here = evaluate(bundle, Plan(episodes=2, steps=(0, 3)), open_fake).rows
    there = evaluate(bundle, Plan(episodes=2, steps=(0, 3), through="server"), open_fake).rows
    for one, other in zip(here, there, strict=True):
        for key in ("return_mean", "mean_steps", "miss_rate", "displacement_rms", "success_rate"):
            assert one[key] == other[key]
        assert one["round_trip_ms"] is None
        assert other["round_trip_ms"]["p50"] > 0


@pytest.mark.realtime
def test_through_a_running_server_in_real_time(bundle: Bundle) -> None:
    with serving(bundle.folder, "onnxruntime-cpu", 1) as server:
        plan = Plan(episodes=1, steps=(3,), clock="real-time", endpoint=server.endpoint)
        row = evaluate(bundle, plan, open_slow).rows[0]
        server.stop()
        with pytest.raises(ServerError, match="ended with exit code 0: served"):
            server.require_alive()
    assert 0 <= row["miss_rate"] <= 1


@pytest.mark.realtime
def test_a_server_of_another_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    other = Bundle.load(bundles.make_bundle(tmp_path / "other", name="other", num_particles=(4,)))
    with serving(other.folder, "onnxruntime-cpu", 1) as server, pytest.raises(Exception, match="bundle"):
        evaluate(bundle, Plan(episodes=1, endpoint=server.endpoint), open_fake)


@pytest.mark.realtime
def test_a_server_that_cannot_start_says_why(bundle: Bundle) -> None:
    with pytest.raises(ServerError, match="no installed backend"), serving(bundle.folder, "abacus", 1):
        pass
