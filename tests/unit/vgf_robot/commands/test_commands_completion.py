"""The TAB key: which words there are, and that shells find them."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.vgf_robot.verb_options import parser_options
from vgf_robot import verbs
from vgf_robot.bundle import shipped_names
from vgf_robot.commands import verb_words as words_module
from vgf_robot.commands.completion_scripts import SCRIPTS
from vgf_robot.commands.verb_words import VerbWords, verb_words
from vgf_robot.errors import MachineError


@pytest.fixture(scope="module")
def all_words() -> list[VerbWords]:
    return [verb_words(name, tuple(shipped_names())) for name in verbs.VERBS]


@pytest.fixture(scope="module")
def scripts(all_words, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("scripts")
    written = {shell: folder / f"vgf-robot.{shell}" for shell in SCRIPTS}
    for shell, path in written.items():
        path.write_text(SCRIPTS[shell](all_words))
    return written


def completed(script: Path, line: str, folder: Path) -> list[str]:
    """Return what bash offers at the end of a line."""
    words = line.split(" ")
    typed = " ".join(map(shlex.quote, words))
    program = f"compopt() {{ :; }}; source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _vgf_robot; "
    program += "printf '%s\\n' \"${COMPREPLY[@]}\""
    bash = subprocess.run(["bash", "--norc", "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert bash.stderr == ""
    return [word for word in bash.stdout.splitlines() if word]


@pytest.mark.parametrize("name", verbs.VERBS)
def test_the_options_are_those_that_the_parser_knows(name, tmp_path):
    known = {flag: option for option in parser_options(name, tmp_path) for flag in option["flags"]}
    words = verb_words(name, ())
    assert {option.name for option in words.options} == set(known)
    for option in words.options:
        assert set(option.choices) == set(known[option.name].get("choices", ())) - {"None"}, option.name
        assert option.takes_value == (known[option.name]["type"] not in ("flag", "boolean")), option.name


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("vgf-robot ser", ["serve"]),
        ("vgf-robot --v", ["--version"]),
        ("vgf-robot drive --rel", ["--release"]),
        ("vgf-robot drive --release ", ["when-ready", "on-grid"]),
        ("vgf-robot drive --release on", ["on-grid"]),
        ("vgf-robot completion f", ["fish"]),
        ("vgf-robot inspect cu", ["cube-single-play", "cupboard"]),
        ("vgf-robot serve --config se", ["serve.yaml"]),
        ("vgf-robot serve bundles/my", ["bundles/my arm"]),
        ("vgf-robot serve my-arm --bi", ["--bind"]),
        ("vgf-robot nonsense --he", []),
    ],
)
def test_bash_offers(scripts, tmp_path, line, offered):
    (tmp_path / "cupboard").mkdir()
    (tmp_path / "bundles" / "my arm").mkdir(parents=True)
    (tmp_path / "serve.yaml").touch()
    assert completed(scripts["bash"], line, tmp_path) == offered


def test_bash_offers_every_verb_and_every_option(scripts, all_words, tmp_path):
    assert set(completed(scripts["bash"], "vgf-robot ", tmp_path)) == {*verbs.VERBS, "--help", "--version"}
    for verb in all_words:
        offered = completed(scripts["bash"], f"vgf-robot {verb.name} --", tmp_path)
        assert set(offered) == {*(option.name for option in verb.options), "--help"}


def test_bash_completes_a_verb_that_a_folder_is_named_like(scripts, tmp_path):
    (tmp_path / "export").mkdir()
    assert completed(scripts["bash"], "vgf-robot expo", tmp_path) == ["export"]
    registered = subprocess.run(
        ["bash", "--norc", "-c", f"source {scripts['bash']}; complete -p vgf-robot"], capture_output=True, text=True
    )
    assert registered.stdout.strip() == "complete -F _vgf_robot vgf-robot"  # and not as names of files


def test_no_script_starts_python(scripts):
    assert all("python" not in path.read_text() for path in scripts.values())


# What zsh's own functions, which work in a terminal alone, are asked to offer; it keeps those that begin as typed.
ZSH_STANDS_IN = """
compadd() { print -l -- ${@:#--} }
_files() { print FILES }
_describe() { print -l -- ${(P)2} }
compdef() { print $1 for $2 }
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("vgf-robot --v", ["--help", "--version"]),
        ("vgf-robot drive --release o", ["when-ready", "on-grid"]),
        ("vgf-robot completion ", ["bash", "zsh", "fish", "FILES"]),
        ("vgf-robot completion --j", ["--json", "--help"]),
        ("vgf-robot serve --config co", [*shipped_names(), "FILES"]),
        ("vgf-robot ser", [f"{name}:{verb.summary}" for name, verb in verbs.VERBS.items()]),
    ],
)
def test_zsh_offers(scripts, line, offered):
    words = line.split(" ")
    program = f"{ZSH_STANDS_IN} source {scripts['zsh']}; words=({' '.join(map(shlex.quote, words))}); "
    program += f"CURRENT={len(words)}; PREFIX={shlex.quote(words[-1])}; _vgf_robot"
    zsh = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, check=False)
    assert (zsh.stdout.splitlines(), zsh.stderr) == (["_vgf_robot for vgf-robot", *offered], "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("vgf-robot ser", "serve"),
        ("vgf-robot drive --rel", "--release"),
        ("vgf-robot drive --release on", "on-grid"),
        ("vgf-robot inspect cube", "cube-single-play"),
    ],
)
def test_fish_offers(scripts, line, offered):
    program = f"source {scripts['fish']}; complete -C {shlex.quote(line)}"
    fish = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True)
    assert offered in [each.split("\t")[0] for each in fish.stdout.splitlines()]


def test_a_verb_that_is_not_installed_is_offered_without_options(monkeypatch):
    def not_there(_name):
        raise MachineError("not installed.")

    monkeypatch.setattr(words_module, "options_of", not_there)
    words = verb_words("train", ())
    assert words == VerbWords(name="train", summary=verbs.VERBS["train"].summary)
    for script in SCRIPTS.values():
        assert "train" in script([words])


def test_the_verb_prints_the_script_and_writes_the_words(scripts, tmp_path, capsys):
    assert verbs.main(["completion", "bash", "--json", str(tmp_path / "words.json")]) == 0
    assert capsys.readouterr().out == scripts["bash"].read_text()
    content = json.loads((tmp_path / "words.json").read_text())
    assert [row["name"] for row in content["rows"]] == list(verbs.VERBS)
