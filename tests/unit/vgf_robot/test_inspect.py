"""`vgf-robot inspect` says what is in a bundle."""

import json

import pytest

from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle
from vgf_robot.commands.inspect import main
from vgf_robot.errors import BundleError


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def explain(folder, capsys, *options) -> str:
    assert main([str(folder), *options]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_a_bundle_is_explained(tmp_path, capsys):
    folder = make_bundle(tmp_path / "b", action_kind="absolute", selection="softmax", temperature=0.5)
    words = explain(folder, capsys)
    for expected in (
        "Test-v0",
        "50 ms (20 Hz)",
        "absolute: a position to be at",
        "the previous particles, scored again, then the previous action, then the safe action",
        "first guess",
        "4 particles, 2 Euler steps",
        "at most 3; fewer when the deadline is near",
        "softmax, temperature 0.5",
        "every hash verified",
        "displacement",
        "Parity",
        "Evaluation: scores",
    ):
        assert expected in words


def test_a_sealed_cap_of_zero_is_said_to_be_an_answer(tmp_path, capsys):
    words = explain(make_bundle(tmp_path / "b", max_steps=0, sealed=True), capsys)
    assert "sealed by an evaluation" in words
    assert "0, which is an answer" in words


def test_the_facts_are_written_as_json(tmp_path, capsys):
    folder = make_bundle(tmp_path / "b")
    explain(folder, capsys, "--json", str(tmp_path / "out" / "facts.json"))
    content = json.loads((tmp_path / "out" / "facts.json").read_text())
    assert content["verb"] == "inspect"
    assert content["settings"]["bundle_sha256"] == Bundle.load(folder).sha256
    assert [row["num_particles"] for row in content["rows"]] == [1, 4]


def test_a_damaged_bundle_is_not_explained(tmp_path, capsys):
    folder = make_bundle(tmp_path / "b")
    (folder / "receipt.json").write_text("{}")
    with pytest.raises(BundleError, match="was changed"):
        main([str(folder)])
    assert capsys.readouterr().out == ""
