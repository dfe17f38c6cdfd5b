"""`vgf-robot keygen`: a key pair for a server or a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vgf_robot.results import write_json
from vgf_robot.security import write_key_pair
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot keygen --out keys/arm-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `keygen`."""

    out: Path
    """Folder for the two files, made if missing; one key per folder."""
    name: str | None = None
    """What the files are called: NAME.secret and NAME.public; default the folder's own name."""
    json: Path | None = None
    """Also write the public key and the paths to this file; never the secret key."""


def main(argv: Sequence[str]) -> int:
    """Write the pair, and say what to do with it; files that are there are never overwritten."""
    options = parse(Options, argv, "keygen", EXAMPLE)
    folder = options.out
    name = folder.resolve().name if options.name is None else options.name
    pair = write_key_pair(folder, name)
    print(_advice(folder, name, pair.public))
    if options.json is not None:
        row = {"name": name, "public_key": pair.public, "secret": f"{name}.secret", "public": f"{name}.public"}
        write_json(options.json, "keygen", {"out": str(folder)}, [row])
    return 0


def _advice(folder: Path, name: str, public: str) -> str:
    return f"""\
{folder / name}.secret  stays on this machine, readable by you alone
{folder / name}.public  {public}

A client: give this line to whoever runs the server, for its clients.yaml, and get its server.public into {folder}
  - {{name: '{name}', key: '{public}', roles: [act]}}
A server: list its clients in {folder / "clients.yaml"}, run `vgf-robot serve BUNDLE --keys {folder}`, and give its
clients {folder / name}.public as server.public"""
