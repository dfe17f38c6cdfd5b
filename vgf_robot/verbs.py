"""The one command: `vgf-robot VERB`. Help lists every verb without importing its package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Any, TypeVar

import tyro

from vgf_robot.errors import MachineError, VgfError, suggestion

GROUP = "vgf_robot.commands"
Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Verb:
    """What the help page says of a verb, and which extra brings it."""

    summary: str
    extra: str


VERBS = {
    "collect": Verb("make an offline dataset with scripted oracles, and label its rewards", "sim"),
    "train": Verb("dataset + configuration -> run folder with checkpoints", "train"),
    "distil": Verb("trained flow -> a reference policy of one pass beside it, in the run folder", "train"),
    "export": Verb("run folder -> bundle with its parity receipt", "train"),
    "inspect": Verb("say in words what is in a bundle, and verify it", "cpu"),
    "serve": Verb("answer observations over ZeroMQ before their deadlines", "cpu"),
    "drive": Verb("newest observation in, one action out, every control period", "cpu"),
    "record": Verb("every tick of a running serve or drive to MCAP files", "record"),
    "replay": Verb("a recording against a bundle, with the differences", "cpu,record"),
    "control": Verb("ask a running serve or drive how it stands; ceilings, engagement, reload, stop", "cpu"),
    "monitor": Verb("live page of robot, particles and latency, and metrics", "sim,monitor"),
    "bench": Verb("stage and tick latency on this device", "cpu"),
    "eval": Verb("closed loop in simulation: success, latency, miss rate", "sim"),
    "tune": Verb("deadline + allowed miss rate -> the working point for this device", "sim"),
    "select": Verb("every checkpoint of a run, evaluated: the best one and its setting, sealed", "train,sim"),
    "results": Verb("evaluations, bundles and runs -> one page with a table of results", "sim"),
    "report": Verb("suites and tunings -> one HTML file: what to choose, what breaks it first", "sim"),
    "doctor": Verb("say what this machine lacks for real-time control, and how to mend it", "cpu"),
    "keygen": Verb("make a key pair for a server or a client", "cpu"),
    "completion": Verb("print what a shell needs to complete verbs and options at the TAB key", "cpu"),
    "demo": Verb("the guided tour: a simulated arm and a loaded machine", "sim"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0 done, 1 limit not met, 2 bad input, 3 machine or peer, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        print(version("vgf-robot"))
        return 0
    try:
        return _load(arguments[0])(arguments[1:])
    except VgfError as error:
        print(f"vgf-robot {arguments[0]}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"vgf-robot {arguments[0]}: {_fault(error)}", file=sys.stderr)
        return MachineError.exit_code
    except KeyboardInterrupt:
        print(f"vgf-robot {arguments[0]}: interrupted.", file=sys.stderr)
        return 130


def call(verb: str, argv: Sequence[str]) -> int:
    """Run one verb for another one, in this process; returns its exit code.

    It is the command line between packages that must not import each other: what goes wrong is raised and not printed.

    Args:
        verb: Its name.
        argv: The arguments after it.

    Raises:
        VgfError: The verb's own, or it is not installed.
        KeyboardInterrupt: Ctrl-C, after the verb has kept what it keeps.
    """
    return _load(verb)(list(argv))


def options_of(verb: str) -> type[Any]:
    """Return the record of a verb's options, which every verb's module has as `Options`.

    Raises:
        MachineError: The verb's package is not installed.
    """
    return sys.modules[_load(verb).__module__].Options


def parse(options: type[Options], argv: Sequence[str], verb: str, example: str) -> Options:
    """Parse a verb's arguments into its options record; `--help` ends with the example.

    Where the record has `json`, a place that cannot be written is refused here, before the work that it is to hold.

    Args:
        options: A dataclass whose fields are documented below their definition.
        argv: The arguments after the verb.
        verb: The verb's name.
        example: One command line that works as written.

    Raises:
        SystemExit: `--help` (0) or arguments that do not parse (2).
        MachineError: Nothing can be written at `--json`.
    """
    description = f"{VERBS[verb].summary[0].upper()}{VERBS[verb].summary[1:]}.\n\nExample:\n    {example}"
    from vgf_robot.results import require_writable  # here, since --help shall not wait for NumPy

    parsed = tyro.cli(options, args=list(argv), prog=f"vgf-robot {verb}", description=description)
    if (json := getattr(parsed, "json", None)) is not None:
        require_writable(json)
    return parsed


def _fault(error: OSError) -> str:
    """Return a sentence on what the operating system refused."""
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(error, FileExistsError):  # of a folder that was to be made
        reason = "expected a folder or nothing at all, found a file; choose another place"
    return f"{reason}." if error.filename is None else f"{error.filename}: {reason}."


def _help() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items()]
    return "\n".join(["usage: vgf-robot VERB [options]   (vgf-robot VERB --help says more)", "", *lines])


def _load(name: str) -> Callable[[Sequence[str]], int]:
    if name not in VERBS:
        raise VgfError(f"'{name}' is no verb; {suggestion(name, VERBS)}")
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        raise MachineError(f"'{name}' is not installed; reinstall vgf-robot so that its entry points are known.")
    entry = found[0]
    _require_our_package(name, entry)
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        raise MachineError(
            f"'{name}' needs the Python package '{error.name}', which is not installed; {_how_to_install(name)}"
        ) from error


def _require_our_package(name: str, entry: EntryPoint) -> None:
    """Refuse a missing package, and a stranger's package of the same name."""
    package = entry.module.split(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MachineError(f"'{name}' runs from a clone of vgf-robot, which this is not; {_how_to_install(name)}")
    home = Path(__file__).resolve().parents[1]
    locations = [Path(location).resolve() for location in spec.submodule_search_locations]
    if home / package not in locations:
        raise MachineError(
            f"'{name}' belongs to vgf-robot's package '{package}', but {locations[0]} is another package of that name; "
            f"{_how_to_install(name)}"
        )


def _how_to_install(name: str) -> str:
    return f"run `pip install -e '.[{VERBS[name].extra}]'` in a clone of vgf-robot."
