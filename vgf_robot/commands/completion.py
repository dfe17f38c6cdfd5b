"""`vgf-robot completion`: what the TAB key needs to know, as a script for a shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vgf_robot.bundle import shipped_names
from vgf_robot.commands.completion_scripts import SCRIPTS
from vgf_robot.commands.verb_words import verb_words
from vgf_robot.results import write_json
from vgf_robot.verbs import VERBS, parse

EXAMPLE = "vgf-robot completion bash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `completion`."""

    shell: Annotated[Literal["bash", "zsh", "fish"], tyro.conf.Positional]
    """Whose script. It belongs to ~/.local/share/bash-completion/completions/vgf-robot, or as _vgf-robot to a folder of
    zsh's fpath, or to ~/.config/fish/completions/vgf-robot.fish. A verb whose package is not installed has no options
    there."""
    json: Path | None = None
    """Also write the verbs and their options to this file."""


def main(argv: Sequence[str]) -> int:
    """Print the script; it names every verb and option itself, so that a TAB starts no Python."""
    options = parse(Options, argv, "completion", EXAMPLE)
    bundles = tuple(shipped_names())
    verbs = [verb_words(name, bundles) for name in VERBS]
    print(SCRIPTS[options.shell](verbs), end="")
    if options.json is not None:
        write_json(options.json, "completion", {"shell": options.shell}, [asdict(verb) for verb in verbs])
    return 0
