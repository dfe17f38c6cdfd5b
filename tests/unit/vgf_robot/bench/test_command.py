"""`vgf-robot bench`: a table, a file, and one sentence for what cannot be measured."""

import json
import sys

import pytest

from tests.bundles import make_bundle
from tests.unit.vgf_robot.receipts.test_receipts_trusted import add_precision
from vgf_robot import backends
from vgf_robot.backends import backend_names, installed_backends
from vgf_robot.bench import Opened, advice
from vgf_robot.bench.plot import draw
from vgf_robot.bundle import Bundle
from vgf_robot.commands.bench import _against_period, main
from vgf_robot.errors import BudgetError, BundleError, ConfigError, MachineError, VgfError
from vgf_robot.verbs import main as vgf_robot


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def test_a_bundle_is_measured_through_the_controller(folder, tmp_path, capsys):
    out = tmp_path / "out" / "bench.json"
    assert main([str(folder), "--backend", "onnxruntime-cpu", "--ticks", "3", "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["verb"] == "bench"
    assert content["settings"]["bundle_sha256"] == Bundle.load(folder).sha256
    assert (content["settings"]["ticks"], content["settings"]["threads"]) == (3, "1")
    for steps, row in enumerate(content["rows"]):
        facts = ("backend", "precision", "num_particles", "reference_steps", "max_steps")
        assert tuple(row[name] for name in facts) == ("onnxruntime-cpu", "float32", 4, 2, steps)
        for name in ("tick_ms", "reference_ms", "select_ms", *(["step_ms"] if steps else [])):
            assert set(row[name]) == {"p50", "p95", "p99", "p999", "max"}
            assert 0 < row[name]["p50"] <= row[name]["p99"] <= row[name]["max"]
    assert len(content["rows"]) == 4
    assert content["rows"][0]["step_ms"] is None
    printed = capsys.readouterr().out
    for expected in ("tick_ms", "step_ms", "4 particles, 2 reference steps", "of the control period of 50 ms"):
        assert expected in printed


def test_a_synthetic_bundle_is_measured_and_kept(tmp_path, capsys):
    kept, out = tmp_path / "kept", tmp_path / "bench.json"
    options = [
        "--synthetic",
        "--backend",
        "onnxruntime-cpu",
        "--ticks",
        "1",
        "--keep",
        str(kept),
        "--control-period-s",
        "0.02",
        "--json",
        str(out),
    ]
    assert main(options) == 0
    assert Bundle.load(kept).manifest.control_period_s == 0.02
    content = json.loads(out.read_text())
    assert content["settings"]["synthetic"] is True
    assert [row["max_steps"] for row in content["rows"]] == [0, 1, 2, 3, 4, 5]
    printed = capsys.readouterr().out
    for expected in ("not-a-policy", "MFLOP", "10 x 512 x 512 in float32 runs at", "Nothing is lost"):
        assert expected in printed
    assert content["settings"]["memory_gb_per_s"] > 0
    assert all(row["gemm_gflop_per_s"] > 0 for row in content["rows"])
    assert all(row["times_roof"] > 0 for row in content["rows"])


def test_backends_stand_beside_each_other(folder, tmp_path, capsys):
    out = tmp_path / "bench.json"
    assert main([str(folder), "--ticks", "2", "--threads", "1,2", "--particles", "1,4", "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["settings"]["backend"] == "all"
    assert list(dict.fromkeys(row["backend"] for row in content["rows"])) == installed_backends()
    assert len(content["rows"]) == 4 * len(installed_backends()) * 2 * 2
    assert {(row["threads"], row["num_particles"]) for row in content["rows"]} == {(1, 1), (1, 4), (2, 1), (2, 4)}
    assert all(row["device"] and row["library"] for row in content["rows"])
    captured = capsys.readouterr()
    assert all(name in captured.out for name in installed_backends())
    assert captured.out.splitlines()[-1].startswith("Take --backend ")
    for name in set(backend_names()) - set(installed_backends()):
        assert f"left out: {name}: " in captured.err


def test_a_backend_that_is_not_there_is_left_out_of_several(folder, tmp_path, capsys):
    out = tmp_path / "bench.json"
    missing = sorted(set(backend_names()) - set(installed_backends()))
    if not missing:
        pytest.skip("every backend is installed here")
    several = f"{missing[0]},onnxruntime-cpu"
    assert main([str(folder), "--ticks", "1", "--backend", several, "--json", str(out)]) == 0
    assert {row["backend"] for row in json.loads(out.read_text())["rows"]} == {"onnxruntime-cpu"}
    assert f"left out: {missing[0]}, float32: " in capsys.readouterr().err
    with pytest.raises(MachineError, match="No backend on this machine"):
        main([str(folder), "--backend", f"{missing[0]},{missing[0]}"])


def test_a_name_that_no_backend_has_is_refused_among_several_too(folder):
    with pytest.raises(ConfigError, match="'onnx-cpu' is no installed backend; did you mean"):
        main([str(folder), "--backend", "onnx-cpu,onnxruntime-cpu"])


def test_the_table_stands_without_what_counts_the_work(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main([str(folder), "--backend", "onnxruntime-cpu", "--ticks", "1"]) == 0
    captured = capsys.readouterr()
    assert "run `pip install onnx`" in captured.err
    assert "MFLOP" not in captured.out


def test_a_precision_and_what_it_loses_stand_at_the_end(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("vgf_robot.commands.bench.installed_backends", lambda: ["onnxruntime-cpu"])
    check = {"quantity": "cosine", "measured": 0.97, "limit": 0.95, "rule": "at least", "passed": True}
    names = {"num_particles": 4, "reference_steps": 2, "precision": "bfloat16", "backend": "onnxruntime-cpu"}
    loop = {"backend": "onnxruntime-cpu", "precision": "bfloat16", "difference": 0.01, "difference_low": -0.02}
    receipt = {"precisions": [{**names, "checks": [check]}], "closed_loop": [loop]}
    bundle = add_precision(make_bundle(tmp_path / "bundle"), receipt=receipt)
    assert main([str(bundle.folder), "--ticks", "2"]) == 0
    assert "onnxruntime-cpu, bfloat16, 1 thread" in capsys.readouterr().out
    row = {**names, "threads": 1, "max_steps": 3, "tick_ms": {"p50": 1.0}}
    slower = {**row, "precision": "float32", "tick_ms": {"p50": 1.2}}
    assert advice(bundle, [slower, row]) == (
        "Take --backend onnxruntime-cpu:bfloat16 --threads 1: 1.00 ms a tick at p50. Lost against float32, by its "
        "receipt: cosine 0.97 (at least 0.95); in the closed loop +1.0% of success, at least -2.0%."
    )


def test_the_advice_takes_the_simpler_and_the_fewer_threads_of_equals(folder):
    bundle = Bundle.load(folder)
    row = {
        "backend": "onnxruntime-cpu",
        "precision": "float32",
        "num_particles": 4,
        "reference_steps": 2,
        "max_steps": 3,
    }
    rows = [{**row, "threads": threads, "tick_ms": {"p50": p50}} for threads, p50 in ((2, 1.0), (1, 1.04), (1, 1.2))]
    assert "--threads 1: 1.04 ms" in advice(bundle, rows)
    assert advice(bundle, [{**rows[0], "num_particles": 1}]) == (
        "Nothing to recommend: no row is of the bundle's own setting, N = 4 and 3 steps, in a precision within its "
        "limits."
    )


@pytest.mark.parametrize(("p99", "said"), [(1.5, False), (9.0, True)])
def test_a_machine_with_other_work_is_suspected(p99, said):
    row = {"max_steps": 2, "tick_ms": {"p50": 1.0, "p99": p99}}
    sentence = _against_period(row, 0.02)
    assert sentence.startswith(f"A tick of 2 steps takes {p99:.2f} ms at p99, ")
    assert sentence.endswith("That is 9 times its p50: other work is on this machine.") == said


def test_a_backend_that_does_not_load_a_graph_is_left_out_of_several(folder, monkeypatch, capsys):
    opened = Opened.open

    def refusing(bundle, subject):
        if subject.backend == "openvino-cpu":
            raise BundleError("step-n4.onnx: expected a graph that it loads.")
        return opened(bundle, subject)

    monkeypatch.setattr(Opened, "open", refusing)
    assert main([str(folder), "--ticks", "1", "--backend", "onnxruntime-cpu,openvino-cpu"]) == 0
    captured = capsys.readouterr()
    assert "left out: openvino-cpu, float32: step-n4.onnx: expected a graph that it loads." in captured.err
    assert "Take --backend onnxruntime-cpu:float32" in captured.out


def test_it_needs_no_onnx_runtime_where_another_backend_is_measured(folder, tmp_path, monkeypatch, capsys):
    pytest.importorskip("openvino")
    monkeypatch.setattr("vgf_robot.receipts.trusted.why_not", lambda _name: "It is not here.")
    monkeypatch.setattr(backends, "open_session", None)
    out = tmp_path / "bench.json"
    assert main([str(folder), "--ticks", "1", "--backend", "openvino-cpu", "--json", str(out)]) == 0
    assert {row["backend"] for row in json.loads(out.read_text())["rows"]} == {"openvino-cpu"}
    assert "Take --backend openvino-cpu:float32" in capsys.readouterr().out


def test_a_picture_is_drawn(folder, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "out" / "bench.svg"
    assert main([str(folder), "--backend", "onnxruntime-cpu", "--ticks", "1", "--plot", str(picture)]) == 0
    assert "<svg" in picture.read_text()
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg or \.pdf"):
        draw(tmp_path / "bench.doc", "title", [_drawn_row()])


def _drawn_row():
    times = {"p50": 1.0, "p99": 2.0}
    names = {"backend": "b", "precision": "float32", "threads": 1, "num_particles": 4, "max_steps": 0}
    return {**names, "tick_ms": times, "reference_ms": times, "step_ms": None, "select_ms": times}


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ([], ConfigError, "either a bundle or --synthetic, found neither"),
        (["BUNDLE", "--synthetic"], ConfigError, "found both"),
        (["BUNDLE", "--keep", "x"], ConfigError, "--keep goes with --synthetic"),
        (["BUNDLE", "--control-period-s", "0.1"], ConfigError, "--control-period-s goes with --synthetic"),
        (["BUNDLE", "--ticks", "0"], ConfigError, "ticks: expected 1 or more, found 0"),
        (["BUNDLE", "--threads", "0"], ConfigError, "--threads: expected numbers of 1 or more, such as 1,2, found '0'"),
        (["BUNDLE", "--particles", "few"], ConfigError, "--particles: expected numbers"),
        (["BUNDLE", "--plot", "bench.doc"], ConfigError, "--plot: expected a name that ends in .png, .svg, .pdf"),
        (["BUNDLE", "--plot", "/proc/bench.png"], MachineError, "/proc/bench.png cannot be written"),
        (["BUNDLE", "--particles", "7"], BudgetError, "no variant"),
        (["BUNDLE", "--precision", "float16"], BudgetError, "float16"),
        (["BUNDLE", "--backend", "abacus"], VgfError, "'abacus' is no installed backend"),
        (["no-such-bundle"], BundleError, "found neither"),
        (["--synthetic", "--ticks", "1", "--control-period-s", "0"], ConfigError, "positive number of seconds"),
    ],
)
def test_what_cannot_be_measured_has_its_sentence(folder, capsys, arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        main([str(folder) if word == "BUNDLE" else word for word in arguments])
    assert capsys.readouterr().out == ""


def test_an_empty_folder_is_no_bundle(tmp_path, capsys):
    assert vgf_robot(["bench", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("vgf-robot bench: ")
    assert "expected the manifest of a bundle, found none" in captured.err
    assert captured.err.count("\n") == 1
