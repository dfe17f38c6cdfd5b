"""What may know what: checked on the installed packages, beside the import contracts of `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from vgf_robot import verbs

ROOT = Path(__file__).parents[2]
FOREIGN = ("torch", "mujoco", "gymnasium", "ogbench")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sorted(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import vgf_robot",
        "from vgf_robot import Bundle, Budget, Client, Command, Controller",
        "from vgf_robot.commands import bench, control, doctor, drive, inspect, serve",
        "from vgf_robot.verbs import main; main(['--help'])",
    ],
)
def test_the_runtime_loads_no_training_and_no_simulator(statement: str) -> None:
    loaded = loaded_after(statement)
    assert loaded.isdisjoint((*FOREIGN, "policies", "export", "sim"))


def test_help_imports_no_verb() -> None:
    loaded = loaded_after("from vgf_robot.verbs import main; main(['--help'])")
    assert not any(name.startswith(("vgf_robot.commands", "vgf_robot.controller", "onnxruntime")) for name in loaded)


@pytest.mark.parametrize("path", sorted((ROOT / "vgf_robot").rglob("*.py")), ids=lambda path: path.name)
def test_no_file_of_the_runtime_names_them(path: Path) -> None:
    assert re.search(rf"\b({'|'.join(FOREIGN)})\b", path.read_text()) is None


def test_policies_know_no_robot_no_socket_no_simulator() -> None:
    for path in (ROOT / "policies").rglob("*.py"):
        assert re.search(r"\b(import|from) (zmq|mujoco|gymnasium|ogbench)\b", path.read_text()) is None, path


def test_every_verb_is_installed_and_has_an_entry_in_the_help() -> None:
    assert {entry.name for entry in entry_points(group=verbs.GROUP)} == set(verbs.VERBS)


@pytest.mark.parametrize("name", sorted(verbs.VERBS))
def test_every_verb_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        verbs.main([name, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert f"vgf-robot {name}" in shown
    assert "Example" in shown
    assert "--json" in shown


def test_nothing_reads_pickle() -> None:
    for package in ("vgf_robot", "policies", "export", "sim"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert not re.search(r"\bimport (pickle|dill|joblib)\b|torch\.load\(|allow_pickle=True|recv_pyobj", text), (
                path
            )


def test_modules_stay_readable() -> None:
    for package in ("vgf_robot", "policies", "export", "sim"):
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, f"{path} is to be split"
