"""The one command: exit codes, sentences, and packages that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vgf_robot import results, verbs
from vgf_robot.errors import LimitError, MachineError, VgfError, suggestion


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
