"""The one command: exit codes, sentences, and packages that are not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.vgf_robot.verb_options import example_of
from vgf_robot import results, shipped_names, verbs
from vgf_robot.errors import LimitError, MachineError, ResultError, VgfError, suggestion


def run(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def verb(_argv) -> int:
        raise error

    monkeypatch.setattr(verbs, "_load", lambda _name: verb)
    return verbs.main(["serve"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VgfError("bad."), 2),
        (LimitError("limit."), 1),
        (MachineError("port."), 3),
        (PermissionError(13, "Permission denied", "out.json"), 3),
        (TimeoutError(), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes_and_one_line_without_a_traceback(monkeypatch, capsys, error, code) -> None:
    assert run(monkeypatch, error) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_unknown_verb_gets_a_suggestion(capsys) -> None:
    assert verbs.main(["trian"]) == 2
    assert "did you mean 'train'?" in capsys.readouterr().err


def test_help_lists_every_verb(capsys) -> None:
    assert verbs.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in verbs.VERBS)


def test_a_strangers_package_of_the_same_name_is_named(monkeypatch, tmp_path: Path, capsys) -> None:
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "__init__.py").write_text("")
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path / "sim")]})
    monkeypatch.setattr(verbs.importlib.util, "find_spec", lambda _name: spec)
    assert verbs.main(["eval"]) == 3
    assert "is another package of that name" in capsys.readouterr().err


def test_a_missing_package_says_how_to_get_it(monkeypatch, capsys) -> None:
    monkeypatch.setattr(verbs.importlib.util, "find_spec", lambda _name: None)
    assert verbs.main(["train"]) == 3
    assert "pip install -e '.[train]'" in capsys.readouterr().err


def test_suggestion_names_the_nearest_or_all() -> None:
    assert suggestion("stpes", ["steps", "size"]) == "did you mean 'steps'?"
    assert suggestion("xyz", ["steps", "size"]) == "known are: size, steps."


def test_latency_summary() -> None:
    assert results.latency_summary([]) is None
    summary = results.latency_summary(range(1, 1001))
    assert summary is not None
    assert summary["p50"] == pytest.approx(500.5)
    assert summary["max"] == 1000


def test_json_has_the_five_parts(tmp_path: Path) -> None:
    results.write_json(tmp_path / "deep" / "r.json", "eval", {"seed": 1}, [{"mode": "tuned"}])
    content = json.loads((tmp_path / "deep" / "r.json").read_text())
    assert list(content) == ["verb", "version", "device", "settings", "rows"]
    assert content["rows"] == [{"mode": "tuned"}]


@pytest.mark.parametrize("verb", sorted(verbs.VERBS))
@pytest.mark.parametrize("place", ["folder", "file/result.json"])
def test_a_result_that_could_not_be_written_is_refused_before_the_work(
    verb: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    # With no bundle that is there: whoever begins the work all the same does not get far.
    _, _, *arguments = ("bundle" if word in shipped_names() else word for word in example_of(verb))
    if "--json" in arguments:
        index = arguments.index("--json")
        del arguments[index : index + 2]
    assert verbs.main([verb, *arguments, "--json", place]) == MachineError.exit_code
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"vgf-robot {verb}: {place} cannot be written")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_asking_whether_a_result_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    results.require_writable(tmp_path / "deep" / "result.json")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there.json").write_text("before")
    results.require_writable(tmp_path / "there.json")
    assert (tmp_path / "there.json").read_text() == "before"


def test_numpy_values_and_paths_become_what_json_knows(tmp_path: Path) -> None:
    row = {"rate": np.float32(0.5), "count": np.int64(3), "low": np.array([1.0, 2.0]), "yes": np.bool_(True)}
    results.write_json(tmp_path / "r.json", "eval", {"out": Path("a/b")}, [row])
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["rows"] == [{"rate": 0.5, "count": 3, "low": [1.0, 2.0], "yes": True}]
    assert content["settings"] == {"out": "a/b"}


def test_what_json_has_no_form_for_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="holds a object"):
        results.write_json(tmp_path / "r.json", "eval", {"seed": object()}, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan"), np.array([1.0, np.inf])])
def test_a_number_that_is_not_finite_is_named_and_leaves_the_old_file(tmp_path: Path, value: object) -> None:
    path = tmp_path / "r.json"
    path.write_text("before")
    with pytest.raises(ResultError, match=r"has rows\[1\]\.return_mean.* (nan|inf), expected finite"):
        results.write_json(path, "eval", {}, [{}, {"return_mean": value}])
    assert path.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_finite_leaves_everything_else_as_it_is() -> None:
    content = {"a": float("nan"), "b": [float("-inf"), 1.5, 2], "c": {"d": np.float64("inf"), "e": "nan", "f": None}}
    assert results.finite(content) == {"a": None, "b": [None, 1.5, 2], "c": {"d": None, "e": "nan", "f": None}}


def test_a_failed_write_keeps_the_result_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    path.write_text("before")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MachineError, match="No space left on device"):
        results.write_json(path, "eval", {}, [])
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("r.json", "before")]


def test_a_result_can_go_to_the_screen_or_through_a_link() -> None:
    code = "from pathlib import Path; from vgf_robot.results import *; p = Path('/dev/stdout')\n"
    code += "require_writable(p); write_json(p, 'eval', {}, [])"
    shown = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert json.loads(shown)["verb"] == "eval"
    assert Path("/dev/stdout").is_symlink()
