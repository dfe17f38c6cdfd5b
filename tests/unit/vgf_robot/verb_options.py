"""What a verb's help says, and what the command line's parser itself knows of its options."""

import ast
import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import pytest
import tyro

from vgf_robot import verbs


def description_of(verb: str) -> str:
    """Return what the verb's help begins with, its example included."""
    cli, seen = tyro.cli, []

    def look(options, **named):
        seen.append(named["description"])
        return cli(options, **named)

    with mock.patch.object(tyro, "cli", look), redirect_stdout(io.StringIO()), pytest.raises(SystemExit):
        verbs.main([verb, "--help"])
    return seen[0]


def example_of(verb: str) -> list[str]:
    """Return the words of the example in the verb's help."""
    return shlex.split(description_of(verb).partition("Example:\n")[2])


def parser_options(verb: str, folder: Path) -> list[dict]:
    """Return flags, type, choices and description of each option; positional arguments are not among them.

    They stand in the completion script that tyro writes on request, as a literal.
    """
    script = folder / "completion"
    with pytest.raises(SystemExit):
        tyro.cli(verbs.options_of(verb), args=["--tyro-write-completion", "bash", str(script)], prog="verb")
    literal = re.search(r"^COMPLETION_SPEC = (.*)$", script.read_text(), re.MULTILINE)
    assert literal is not None
    options = ast.literal_eval(literal[1])["options"]
    return [option for option in options if "--help" not in option["flags"]]
