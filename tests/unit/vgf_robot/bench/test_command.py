"""`vgf-robot bench`: a table, a file, and one sentence for what cannot be measured."""

import json

import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.commands.bench import main
from vgf_robot.errors import BudgetError, BundleError, ConfigError, VgfError
from vgf_robot.verbs import main as vgf_robot


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def test_a_bundle_is_measured_through_the_controller(folder, tmp_path, capsys):
    out = tmp_path / "out" / "bench.json"
    assert main([str(folder), "--ticks", "3", "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["verb"] == "bench"
    assert content["settings"]["bundle_sha256"] == Bundle.load(folder).sha256
    assert (content["settings"]["ticks"], content["settings"]["threads"]) == (3, 1)
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
    options = ["--synthetic", "--ticks", "1", "--keep", str(kept), "--control-period-s", "0.02", "--json", str(out)]
    assert main(options) == 0
    assert Bundle.load(kept).manifest.control_period_s == 0.02
    content = json.loads(out.read_text())
    assert content["settings"]["synthetic"] is True
    assert [row["max_steps"] for row in content["rows"]] == [0, 1, 2, 3, 4, 5]
    assert "not-a-policy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ([], ConfigError, "either a bundle or --synthetic, found neither"),
        (["BUNDLE", "--synthetic"], ConfigError, "found both"),
        (["BUNDLE", "--keep", "x"], ConfigError, "--keep goes with --synthetic"),
        (["BUNDLE", "--control-period-s", "0.1"], ConfigError, "--control-period-s goes with --synthetic"),
        (["BUNDLE", "--ticks", "0"], ConfigError, "ticks: expected 1 or more, found 0"),
        (["BUNDLE", "--threads", "0"], ConfigError, "threads: expected 1 or more, found 0"),
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
