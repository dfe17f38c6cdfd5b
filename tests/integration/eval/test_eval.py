"""`vgf-robot eval` from the command line to the JSON, in a point maze with a policy of one line."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sim.commands import eval as command
from sim.evaluation import remote
from sim.evaluation.device_profile import load_times
from sim.evaluation.evaluate import evaluate
from sim.evaluation.plan import Plan, require_consistent
from sim.evaluation.serving import serving
from sim.plants import Transition
from sim.suite.consistency import require_consistent_suite
from sim.suite.suite import load_suite
from tests import bundles
from tests.unit.sim.evaluation.fakes import FakePlant
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.config import load
from vgf_robot.errors import BundleError, ConfigError, LimitError, PlantError, ServerError
from vgf_robot.verbs import main

PATIENCE_S = 60.0
CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "eval"
ARM = CONFIGS.parents[1] / "docs" / "examples" / "my-arm"


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


def test_every_shipped_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIGS.parents[1])
    paths, suites = sorted(CONFIGS.glob("*.yaml")), sorted((CONFIGS / "suites").glob("*.yaml"))
    assert paths
    assert suites
    for path in paths:
        plan = load(path, Plan)
        require_consistent(plan)
        assert plan.profile is None or load_times(Path(plan.profile)).entries
    for path in suites:
        suite = load_suite(path)
        require_consistent_suite(suite)
        for task in suite.tasks:
            Bundle.load(task.bundle)


def test_faults_of_the_configuration_reach_the_plant_and_are_named_below_the_table(
    maze_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "faults.yaml"
    config.write_text("faults: {initial_pose: {size: 0.5}, observation_noise: {std: 0.1}}\nsteps: [0]\n")
    clear = run(maze_bundle, tmp_path / "clear.json", "--steps", "0")
    faulty = run(maze_bundle, tmp_path / "faulty.json", "--config", str(config))
    mild = run(maze_bundle, tmp_path / "mild.json", "--config", str(config), "--severity", "0")
    assert clear["rows"][0]["displacement_rms"] == mild["rows"][0]["displacement_rms"]
    assert faulty["settings"]["faults"]["initial_pose"]["size"] == 0.5
    assert "Faults at severity 1: initial_pose, observation_noise." in capsys.readouterr().out


def test_latency_can_be_charged_by_a_profile(maze_bundle: Path, tmp_path: Path) -> None:
    device = tmp_path / "device.json"
    device.write_text('{"reference_ms": 20, "step_ms": 30, "select_ms": 5}')
    options = ("--clock", "charged", "--profile", str(device))
    rows = run(maze_bundle, tmp_path / "eval.json", *options)["rows"]
    assert [(row["mode"], row["mean_steps"], row["miss_rate"]) for row in rows] == [
        ("fixed-0", 0, 0),
        ("fixed-cap", 2, 0),
        ("adaptive", pytest.approx(1.5, abs=0.5), 0),
    ]
    slow = run(maze_bundle, tmp_path / "eval.json", *options, "--slow-down", "3")["rows"]
    assert [row["miss_rate"] for row in slow] == [0, 1, 0]
    assert slow == run(maze_bundle, tmp_path / "again.json", *options, "--slow-down", "3", "--workers", "2")["rows"]


SUITE = """
tasks: [{bundle: BUNDLE, name: maze}]
scenarios: [{name: noisy, faults: {observation_noise: {std: 0.2}}}]
budgets: [{name: none, max_steps: 0}, {name: sealed}]
baseline: none
episodes: 2
"""


def test_a_suite_from_the_command_line_to_its_rows(
    maze_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out, json_path = tmp_path / "suite.yaml", tmp_path / "out", tmp_path / "suite.json"
    file.write_text(SUITE.replace("BUNDLE", str(maze_bundle)))
    options = [str(file), "--out", str(out), "--json", str(json_path)]
    assert main(["eval", *options]) == 0
    rows = json.loads(json_path.read_text())["rows"]
    assert [(row["mode"], row["scenario"], row["budget"]) for row in rows] == [
        *[("cell", scenario, budget) for scenario in ("clear", "noisy") for budget in ("none", "sealed")],
        *[("comparison", scenario, "sealed") for scenario in ("clear", "noisy")],
    ]
    file.write_text(file.read_text() + "limits: [{budget: sealed, min_success: 1.0}]\n")
    assert main(["eval", *options, "--workers", "2"]) == LimitError.exit_code
    shown = capsys.readouterr()
    assert "8 of 8 episodes were in" in shown.out
    assert "Limit 1, maze, clear at 0, budget sealed: success rate" in shown.err


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("suite", ["--seed", "3"], "--seed stands there"),
        ("suite", ["--steps", "1", "--clock", "charged"], "--steps, --clock stands there"),
        ("bundle", ["--out", "somewhere"], "--out goes with a suite's file"),
    ],
)
def test_options_of_the_one_are_refused_for_the_other(
    maze_bundle: Path, tmp_path: Path, target: str, options: list[str], message: str
) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE.replace("BUNDLE", str(maze_bundle)))
    with pytest.raises(ConfigError, match=message):
        command.main([str(file if target == "suite" else maze_bundle), *options])


def test_a_robot_of_ones_own_is_a_plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = arm_bundle(tmp_path, monkeypatch)
    content = run(bundle, tmp_path / "eval.json", "--environment", str(ARM / "arm.yaml"), "--steps", "0")
    assert content["rows"][0]["success_rate"] is not None
    text = (ARM / "arm.yaml").read_text().replace("arm.xml", str(ARM / "arm.xml"))
    (tmp_path / "fast.yaml").write_text(text.replace("control_period_s: 0.04", "control_period_s: 0.02"))
    with pytest.raises(PlantError, match=r"a period of 0\.04 s, the plant of 0\.02 s"):
        command.main([str(bundle), "--environment", str(tmp_path / "fast.yaml")])


def arm_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle whose vectors are those of the example arm."""
    monkeypatch.setattr(bundles, "OBSERVATION_SIZE", 11)
    made = bundles.make_bundle(folder / "arm", control_period_s=0.04, action_kind="absolute", max_steps=1)
    manifest = msgspec.json.decode((made / "manifest.json").read_bytes())
    state = {"name": "state", "size": 11, "unit": "1", "low": [-2.0] * 11, "high": [2.0] * 11}
    manifest["observation"] = [state]
    return write_manifest(made, msgspec.convert(manifest, bundles.Manifest)).folder


@pytest.mark.realtime
def test_the_example_client_drives_its_arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = arm_bundle(tmp_path, monkeypatch)
    with serving(bundle, "onnxruntime-cpu", 1) as server:
        code = "import sys; import client; client.main(sys.argv[1], 3); print(sorted(sys.modules))"
        command_line = [sys.executable, "-c", code, server.endpoint]
        ended = subprocess.run(command_line, cwd=ARM, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended.stderr
    said, modules = ended.stdout.splitlines()
    assert said.endswith("of 3 periods had an answer")
    assert not {"torch", "mujoco", "gymnasium"} & set(json.loads(modules.replace("'", '"')))


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
        (["--min-return", "1e9"], LimitError, "mean return"),
    ],
)
def test_bad_input_is_one_sentence(
    maze_bundle: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], error: type, message: str
) -> None:
    monkeypatch.setattr(remote, "_CONNECT_S", 0.2)
    with pytest.raises(error, match=message):
        command.main([str(maze_bundle), "--episodes", "1", *options])


def test_a_success_limit_on_a_task_of_returns_is_refused_before_an_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "evaluate", lambda *_: pytest.fail("nothing should be run"))
    hopper = bundles.make_bundle(tmp_path / "hopper", environment="Hopper-v5")
    with pytest.raises(ConfigError, match="take --min-return"):
        command.main([str(hopper), "--min-success", "0.5"])
    with pytest.raises(PlantError, match="is no plant"):
        command.main([str(hopper), "--min-success", "0.5", "--environment", "Hopper"])


def test_the_json_is_there_whatever_goes_wrong_with_the_table(
    maze_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no table")

    monkeypatch.setattr(command, "print_table", broken)
    with pytest.raises(RuntimeError, match="no table"):
        run(maze_bundle, tmp_path / "eval.json")
    assert len(json.loads((tmp_path / "eval.json").read_text())["rows"]) == 3


def test_a_return_that_is_no_number_is_null_in_the_json_and_meets_no_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(FakePlant):
        def apply(self, action: np.ndarray) -> Transition:
            return dataclasses.replace(super().apply(action), reward=float("nan"))

    monkeypatch.setattr(command, "evaluate", lambda bundle, plan: evaluate(bundle, plan, lambda _: Lost()))
    tiny, out = bundles.make_bundle(tmp_path / "tiny"), tmp_path / "eval.json"
    with pytest.raises(LimitError, match="mean return nan"):
        command.main([str(tiny), "--episodes", "1", "--json", str(out), "--min-return", "0"])
    assert [row["return_mean"] for row in json.loads(out.read_text())["rows"]] == [None] * 3


def test_exit_codes_and_messages_reach_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(tmp_path / "nothing")]) == BundleError.exit_code
    assert capsys.readouterr().err.startswith("vgf-robot eval: ")
