"""Tick after tick through the socket, with reconnects: does a server grow, lose a file, or lose count?

One robot asks as fast as it is answered. Now and then it says bye and comes back as a new connection, goes without a
word, or asks for what is refused; every now and then it has the server read its bundle again. At the end every
observation must have been answered or refused, by the robot's count and by the server's. Memory is counted
after the first tenth, when what is made once has been made.

Example:
    python benchmarks/soak.py --ticks 2000000 --json out/bench/soak.json
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from tests.bundles import make_bundle
from vgf_robot import Budget, Client, ClientKeys, results
from vgf_robot.security import write_key_pair
from vgf_robot.wire import ErrorKind, RefusedError

COLUMNS = ("ticks", "memory_mb", "files", "threads", "rate_hz")
MOST_GROWTH = 0.01
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 2_000_000
    """Observations sent."""
    reconnect_every: int = 500
    """Ticks between a robot's connections; one in four goes without saying bye."""
    refuse_every: int = 100
    """Ticks between two observations that are refused."""
    reload_every: int = 200_000
    """Ticks between two reloads (the bundle has not changed, so that everything is compared and nothing is loaded)."""
    bundle: str | None = None
    """A folder or the name of a shipped one; a tiny one made for this where not given."""
    curve: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """With keys."""
    json: Path | None = None
    """Write the rows there."""


@dataclass(frozen=True)
class Server:
    """Where it listens, and which process it is."""

    endpoint: str
    pid: int
    keys: ClientKeys | None


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as name, _served(Path(name), options) as server:
        sent, rows = _soak(server, options)
        with Client(server.endpoint, timeout_s=30.0, keys=server.keys) as client:
            counters = client.ping().counters
    results.print_table("the server's process", rows, COLUMNS)
    complaints = [*_growth(rows), *_miscounts(sent, counters)]
    print(f"robot: {dict(sent)}")
    print(f"server: {counters}")
    print("\n".join(complaints) or "memory and files flat, counts add up")
    if options.json is not None:
        shown = {**asdict(options), "sent": dict(sent), "counters": counters, "complaints": complaints}
        results.write_json(options.json, "benchmarks/soak", shown, rows)
    return int(bool(complaints))


@contextmanager
def _served(folder: Path, options: Options) -> Iterator[Server]:
    bundle = options.bundle or str(make_bundle(folder / "bundle"))
    command = [sys.executable, "-c", VERB, "serve", bundle, "--bind", "tcp://127.0.0.1:*"]
    keys = None
    if options.curve:
        server, robot = write_key_pair(folder / "keys", "server"), write_key_pair(folder / "robot", "robot")
        listed = f"clients: [{{name: robot, key: '{robot.public}', roles: [act]}}]"
        (folder / "keys" / "clients.yaml").write_text(listed)
        keys = ClientKeys(pair=robot, server=server.public)
        command += ["--keys", str(folder / "keys")]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            assert process.stdout is not None
            endpoint = process.stdout.readline().decode().split()[-1]
            yield Server(endpoint, process.pid, keys)
        finally:
            process.terminate()
            process.stdout.read()


def _soak(server: Server, options: Options) -> tuple[Counter[str], list[dict]]:
    """Ask until every tick has been sent; return what became of them, and ten rows of the server's size."""
    sent: Counter[str] = Counter()
    rows: list[dict] = []
    every = max(1, options.ticks // 10)
    began_s = time.monotonic()
    while sent["ticks"] < options.ticks:
        until = min(options.ticks, sent["ticks"] + options.reconnect_every)
        _connect_and_ask(server, sent, until, options)
        if sent["ticks"] // options.reload_every > sent["reloads"]:
            sent["reloads"] += 1
            os.kill(server.pid, signal.SIGHUP)
        if sent["ticks"] // every > len(rows):
            rows.append({**_size(server.pid), "ticks": sent["ticks"], "rate_hz": every / (time.monotonic() - began_s)})
            began_s = time.monotonic()
    return sent, rows


def _connect_and_ask(server: Server, sent: Counter[str], until: int, options: Options) -> None:
    client = Client(server.endpoint, timeout_s=30.0, keys=server.keys)
    size = sum(field.size for field in client.connect().observation)
    client.begin_episode(seed=sent["connections"])
    sent["connections"] += 1
    refused = Budget(max_steps=10_000)
    while sent["ticks"] < until:
        sent["ticks"] += 1
        wrong = sent["ticks"] % options.refuse_every == 0
        try:
            client.act(np.zeros(size, np.float32), deadline_s=30.0, budget=refused if wrong else None)
            sent["answered"] += 1
        except RefusedError as refusal:
            sent[f"refused as {refusal.kind.value}"] += 1
    if sent["connections"] % 4:
        client.close()
    else:
        client.abandon()


def _size(pid: int) -> dict[str, float]:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "files": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        "threads": sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()),
    }


def _growth(rows: list[dict]) -> list[str]:
    first, last = rows[0], dict(rows[-1])
    # A connection that has just been cut is noticed a moment later.
    last["files"] = min(row["files"] for row in rows[-3:])
    growth = last["memory_mb"] / first["memory_mb"] - 1
    print(f"memory grew by {growth:+.3%} since the first tenth, files by {last['files'] - first['files']}")
    complaints = []
    if growth > MOST_GROWTH:
        complaints.append(f"memory: expected at most {MOST_GROWTH:.0%} more, found {growth:.2%}")
    if last["files"] > first["files"] or last["threads"] > first["threads"]:
        complaints.append(f"files and threads: expected no more, found {last['files']} and {last['threads']}")
    return complaints


def _miscounts(sent: Counter[str], counters: dict[str, int]) -> list[str]:
    """Compare what the robot saw with what the server says, and each with itself."""
    refused = sum(count for name, count in sent.items() if name.startswith("refused"))
    answered, budget = counters["answered"], counters.get("error.budget", 0)
    pairs = {
        "sent = answered + refused": (sent["ticks"], sent["answered"] + refused),
        "answered, by robot and server": (sent["answered"], answered),
        "refused, by robot and server": (sent[f"refused as {ErrorKind.BUDGET.value}"], budget),
        "answered or refused = in time or missed": (
            answered + budget,
            counters.get("in_time", 0) + counters.get("missed", 0),
        ),
        "answered = all statuses": (answered, sum(n for name, n in counters.items() if name.startswith("status."))),
        "sessions = connections": (sent["connections"] + 1, counters["sessions"]),
    }
    return [f"{what}: {left} and {right}" for what, (left, right) in pairs.items() if left != right]


if __name__ == "__main__":
    sys.exit(main())
