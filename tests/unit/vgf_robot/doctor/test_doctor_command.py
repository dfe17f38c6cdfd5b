"""`vgf-robot doctor`: a table, what to do, a file, and an exit code."""

import json

import pytest

from tests.bundles import make_bundle
from tests.unit.vgf_robot.doctor.trees import CLOCK, make_tree
from vgf_robot.bundle import Bundle
from vgf_robot.commands import doctor
from vgf_robot.doctor import RendererFacts, SoftwareFacts
from vgf_robot.errors import BundleError


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine in order, some files of which a test may change."""

    def with_changes(changes=None):
        tree = make_tree(tmp_path / "root", changes)
        monkeypatch.setattr(doctor, "Tree", lambda _root: tree)

    facts = SoftwareFacts(python=(3, 11), runtimes={"onnxruntime": "1.31"})
    monkeypatch.setattr(doctor, "find_software", lambda: facts)
    monkeypatch.setattr(doctor, "find_renderer", lambda: RendererFacts(choice=None, found=()))
    monkeypatch.setenv("COLUMNS", "200")
    with_changes()
    return with_changes


def test_advice_is_no_fault(folder, machine, tmp_path, capsys):
    out = tmp_path / "out" / "doctor.json"
    assert doctor.main([str(folder), "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "CPUExecutionProvider for tiny" in printed
    assert "renderer: for videos `apt install libegl1 libgl1-mesa-dri`" in printed
    assert "Nothing is at fault; there is advice on 1 of 14 checks." in printed
    content = json.loads(out.read_text())
    assert content["verb"] == "doctor"
    assert content["settings"] == {"bundle": "tiny", "bundle_sha256": Bundle.load(folder).sha256}
    assert [set(row) for row in content["rows"]] == [{"check", "level", "found", "cure"}] * 14
    assert {row["level"] for row in content["rows"]} == {"ok", "advice"}


def test_a_fault_is_an_exit_code_and_still_written(folder, machine, tmp_path, capsys):
    machine({f"{CLOCK}/current_clocksource": "hpet"})
    out = tmp_path / "doctor.json"
    assert doctor.main([str(folder), "--json", str(out)]) == 1
    assert "At fault: 1 of 14 checks; advice: 1." in capsys.readouterr().out
    assert [row["check"] for row in json.loads(out.read_text())["rows"] if row["level"] == "fault"] == ["clock source"]


def test_what_looks_like_markup_is_shown_as_it_is(folder, machine, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "find_software", lambda: SoftwareFacts(python=(3, 11), runtimes={}))
    assert doctor.main([str(folder)]) == 1
    assert "pip install 'vgf-robot[cpu]'" in capsys.readouterr().out


def test_without_a_bundle_a_shipped_one_is_loaded(folder, machine, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "shipped_names", lambda: [str(folder)])
    assert doctor.main([]) == 0
    assert "for tiny" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "shipped_names", list)
    with pytest.raises(BundleError, match="give one"):
        doctor.main([])


def test_a_damaged_bundle_is_bad_input(folder, machine, capsys):
    (folder / "receipt.json").write_text("{}")
    with pytest.raises(BundleError, match="was changed"):
        doctor.main([str(folder)])
    assert capsys.readouterr().out == ""


@pytest.mark.realtime
def test_this_machine_is_examined_whatever_it_is(folder, tmp_path, capsys):
    out = tmp_path / "doctor.json"
    assert doctor.main([str(folder), "--json", str(out)]) in (0, 1)
    rows = json.loads(out.read_text())["rows"]
    assert all((row["cure"] is None) == (row["level"] == "ok") for row in rows)
