"""docs/exit-codes.md says what each code means; here verbs leave with each of them."""

import re
import shlex
import signal
from pathlib import Path

import pytest

from vgf_robot import verbs
from vgf_robot.commands import doctor, inspect
from vgf_robot.doctor import SoftwareFacts

PAGE = (Path(__file__).parents[3] / "docs" / "exit-codes.md").read_text()
ROWS = {int(row[0]): row[1] for row in re.findall(r"^\| (\d+) \|(.*)$", PAGE, re.MULTILINE)}
COMMANDS = [(code, command) for code, row in ROWS.items() for command in re.findall(r"`(vgf-robot [^`]+)`", row)]


def test_the_page_has_every_code():
    errors = [verbs.VgfError, *verbs.VgfError.__subclasses__()]
    assert set(ROWS) == {0, 130, *(error.exit_code for error in errors)}


@pytest.mark.parametrize(("code", "command"), COMMANDS)
def test_the_pages_commands_leave_with_their_code(code, command, capsys):
    assert verbs.main(shlex.split(command)[1:]) == code
    assert len(capsys.readouterr().err.splitlines()) == (code != 0)


def test_there_is_a_command_for_what_needs_no_second_program():
    assert {code for code, _ in COMMANDS} == {0, 2, 3}


def test_a_machine_at_fault_is_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "find_software", lambda: SoftwareFacts(python=(3, 11), runtimes={}))
    assert verbs.main(["doctor"]) == 1
    assert "At fault: " in capsys.readouterr().out


def test_ctrl_c_is_130(monkeypatch, capsys):
    monkeypatch.setattr(inspect.Bundle, "load", lambda _: signal.raise_signal(signal.SIGINT))
    assert verbs.main(["inspect", "cube-single-play"]) == 130
    assert capsys.readouterr().err == "vgf-robot inspect: interrupted.\n"


def test_a_command_line_that_does_not_parse_is_2(capsys):
    with pytest.raises(SystemExit) as left:
        verbs.main(["inspect", "cube-single-play", "--colour", "red"])
    assert left.value.code == 2


def test_a_file_in_the_place_of_a_folder_is_3_and_says_so(tmp_path, capsys):
    file = tmp_path / "keys"
    file.write_text("")
    assert verbs.main(["keygen", "--out", str(file)]) == 3
    assert f"{file}: expected a folder or nothing at all, found a file" in capsys.readouterr().err
