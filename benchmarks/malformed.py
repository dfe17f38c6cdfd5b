"""A server among peers that say what no client should: does it live, does its memory grow, does an honest robot wait?

The server has keys. Peers with a key send messages that are nearly right (half of them mutations that still decode as
msgpack), random and damaged bytes, and everything that has an error kind of its own; peers without one connect and are
turned away; and raw bytes go to the TCP port besides. An honest robot asks at its rate all the while, before and
during; an answer that is not fresh, or not there by its deadline, is a miss.

Example:
    python benchmarks/malformed.py --messages 1000000 --json out/bench/malformed.json
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.liars import PERIOD_S, ROLES, Liars, keys_of
from tests.bundles import make_bundle
from vgf_robot import Client, results
from vgf_robot.security import write_key_pair
from vgf_robot.wire import ErrorKind

COLUMNS = ("mode", "messages", "asked", "misses", "miss_rate", "round_trip_ms")
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
# What no message can cause: they are the server's own.
NOT_BY_MESSAGES = {ErrorKind.SHUTTING_DOWN, ErrorKind.INTERNAL, "unknown"}
# At 50 Hz and half of the time, far from what the server needs: what is missed then is the liars' fault.
ROBOT = """
import json, sys, time
from pathlib import Path
import numpy as np
from vgf_robot import Client, ClientKeys
from vgf_robot.errors import VgfError
endpoint, folder, server = sys.argv[1:]
rows, period_s, deadline_s = [], 0.02, 0.018
with Client(endpoint, timeout_s=20.0, name="robot", rate_hz=50, keys=ClientKeys.load(folder, server)) as client:
    client.begin_episode(seed=0)
    print("ready", flush=True)
    start_s = time.monotonic()
    stop = Path(folder) / "stop"
    while not stop.exists():
        due_s = start_s + (len(rows) + 1) * period_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        asked_s = time.monotonic()
        try:
            answer = client.act(np.zeros(3), deadline_s=deadline_s, timeout_s=period_s)
            kept, took_ms = answer.command.rung.fresh and answer.received_ns <= (asked_s + deadline_s) * 1e9, \
                answer.round_trip_ns / 1e6
        except VgfError as error:
            kept, took_ms = False, None
        rows.append((asked_s, bool(kept), took_ms))
json.dump(rows, sys.stdout)
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    messages: int = 1_000_000
    """Messages that no client should send; raw bytes and refused connections come besides."""
    quiet_s: float = 10.0
    """How long the honest robot is alone at first."""
    seed: int = 0
    """Of what is sent."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(_served(folder))
        robot = stack.enter_context(_robot(server.endpoint, folder))
        time.sleep(options.quiet_s)
        liars = stack.enter_context(Liars(server.endpoint, folder, options.messages, random.Random(options.seed)))
        liars.attack(options.messages // 20)  # what a first time brings is not growth
        before, began_s = _size(server.pid), time.monotonic()
        liars.attack(options.messages - options.messages // 20)
        took_s, after = time.monotonic() - began_s, _size(server.pid)
        asked = robot()
        with closing(Client(server.endpoint, timeout_s=20.0, keys=keys_of(folder, "robot"))) as client:
            counters = client.ping().counters
    kinds = {kind.value: counters.get(f"error.{kind.value}", 0) for kind in ErrorKind}
    rows = [
        _row("alone", 0, [each for each in asked if each[0] < began_s - 1]),
        _row("among liars", options.messages, [each for each in asked if began_s <= each[0] < began_s + took_s]),
    ]
    results.print_table("an honest robot at 50 Hz, deadline 18 ms", rows, COLUMNS)
    _say(kinds, counters, liars.raw, before, after)
    print(f"{options.messages / took_s:.0f} messages a second; the server is alive")
    fewest = options.messages // 1000
    rare = {kind: count for kind, count in kinds.items() if count < fewest and kind not in NOT_BY_MESSAGES}
    print(f"every kind at least {fewest} times: {f'no, {rare}' if rare else 'yes'}; faults inside: {kinds['internal']}")
    if options.json is not None:
        shown = {**asdict(options), "before": before, "after": after, "counters": counters, "raw": liars.raw}
        results.write_json(options.json, "benchmarks/malformed", shown, rows)
    return int(bool(rare) or bool(kinds["internal"]))


@dataclass(frozen=True)
class Server:
    """Where it listens, and which process it is."""

    endpoint: str
    pid: int


@contextmanager
def _served(folder: Path) -> Iterator[Server]:
    bundle = make_bundle(folder / "bundle", control_period_s=PERIOD_S)
    listed = [
        f"- {{name: {name}, key: '{write_key_pair(folder / name, name).public}', roles: [{role}]}}"
        for name, role in ROLES.items()
    ]
    write_key_pair(folder / "server", "server")
    (folder / "server" / "clients.yaml").write_text("\n".join(["clients:", *listed]))
    settings = folder / "serve.yaml"
    settings.write_text(
        "bind: tcp://127.0.0.1:*\nmax_clients: 3\nevict_silent_s: 3600.0\nidle_s: 3600.0\nmax_observation_age_s: 1.0\n"
        "max_utilisation: 0.05\nreport_every_s: null\ndeadline_share: 0.9\n"
    )
    command = [sys.executable, "-c", VERB, "serve", str(bundle), "--config", str(settings)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--keys", str(folder / "server")], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().split()[-1], process.pid)
            assert process.poll() is None, f"the server ended: {(folder / 'log').read_text()[-2000:]}"
        finally:
            process.terminate()
            process.stdout.read()


@contextmanager
def _robot(endpoint: str, folder: Path) -> Iterator[Any]:
    """Run the honest robot; what is yielded ends it and returns what became of its questions."""
    command = [sys.executable, "-c", ROBOT, endpoint, str(folder / "robot"), str(folder / "server" / "server.public")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

        def end() -> list[tuple[float, bool, float | None]]:
            (folder / "robot" / "stop").touch()
            return json.loads(process.stdout.read())

        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield end
        finally:
            process.kill()


def _size(pid: int) -> dict[str, float]:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "files": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
    }


def _say(
    kinds: dict[str, int],
    counters: dict[str, int],
    raw: Counter[str],
    before: dict[str, float],
    after: dict[str, float],
) -> None:
    refused = {name: count for name, count in counters.items() if name.startswith("refused.")}
    print(f"errors by kind: {kinds}")
    print(f"refused: {refused}, raw: {dict(raw)}")
    growth = after["memory_mb"] / before["memory_mb"] - 1
    print(f"memory {before['memory_mb']:.1f} -> {after['memory_mb']:.1f} MB ({growth:+.2%})", end=", ")
    print(f"files {before['files']} -> {after['files']}")


def _row(mode: str, messages: int, asked: list[tuple[float, bool, float | None]]) -> dict[str, Any]:
    misses = sum(not kept for _, kept, _ in asked)
    return {
        "mode": mode,
        "messages": messages,
        "asked": len(asked),
        "misses": misses,
        "miss_rate": misses / len(asked) if asked else None,
        "round_trip_ms": results.latency_summary([took_ms for *_, took_ms in asked if took_ms is not None]),
    }


if __name__ == "__main__":
    sys.exit(main())
