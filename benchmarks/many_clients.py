"""Many robots at one server: how many of their answers come before the deadline, and what becomes of one too many.

Each client is a process that asks once per period, its grid shifted against the others'. The processes sleep nearly
all of the time, so that two cores are enough for eight of them; one process with as many sockets would have to poll
them busily, taking a core from the server, or wait for one robot while another one's answer lies there. The bundle is
the synthetic one of the paper's size.

Example:
    python benchmarks/many_clients.py --clients 8 --rate-hz 20 --seconds 20 --json out/bench/many_clients.json
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro

from vgf_robot import Client, results
from vgf_robot.bench import synthetic_bundle
from vgf_robot.errors import ServerError

COLUMNS = ("client", "requests", "within_deadline", "misses", "refused", "mean_steps", "round_trip_ms", "queue_ms")
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
# Fresh, and in the robot's hands before its deadline; silence and refusals are misses.
ROBOT = """
import json, sys, time
import numpy as np
from vgf_robot import Client
from vgf_robot.errors import ProtocolError, ServerError
endpoint, index, period_s, deadline_s, count = sys.argv[1], *(float(word) for word in sys.argv[2:])
rows, generator = [], np.random.default_rng(int(index))
with Client(endpoint, timeout_s=10.0, name=f"robot {int(index)}", rate_hz=1 / period_s) as client:
    low, high = (np.array([v for f in client.welcome.observation for v in getattr(f, end)]) for end in ("low", "high"))
    client.begin_episode(seed=int(index))
    print("ready", flush=True)
    start_s = float(sys.stdin.readline())
    for number in range(int(count)):
        due_s = start_s + number * period_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        asked_s = time.monotonic()
        try:
            left_s = max(0.0, due_s + deadline_s - asked_s)
            answer = client.act(generator.uniform(low, high), deadline_s=left_s, timeout_s=max(left_s, period_s))
        except (ServerError, ProtocolError) as error:
            rows.append({"error": type(error).__name__})
            continue
        kept = answer.command.rung.fresh and answer.received_ns <= (due_s + deadline_s) * 1e9
        rows.append({"kept": bool(kept), "steps": answer.command.steps, "ms": answer.round_trip_ns / 1e6,
                     "queue_ms": answer.queue_ns / 1e6})
json.dump(rows, sys.stdout)
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    clients: int = 8
    """Robots at the same time."""
    rate_hz: float = 20.0
    """How often each of them asks; the bundle's control period is its inverse."""
    deadline_share: float = 0.9
    """Share of the period in which an answer is wanted."""
    seconds: float = 20.0
    """How long they ask."""
    together: bool = False
    """Let all of them ask at the same moment, in place of one after the other."""
    most: int = 1024
    """Stop looking for the client that is one too many after this many."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder), options) as endpoint:
        rows, counters = _measure(endpoint, options)
        refusal = _one_too_many(endpoint, options)
    results.print_table(f"{options.clients} clients at {options.rate_hz:g} Hz, p50 / p99", rows, COLUMNS)
    print(f"{refusal['fit']} clients fit; the next one was told: {refusal['refusal']}")
    if options.json is not None:
        shown = {**asdict(options), "counters": counters}
        results.write_json(options.json, "benchmarks/many_clients", shown, [*rows, refusal])
    return 0


@contextmanager
def _served(folder: Path, options: Options) -> Iterator[str]:
    """Run the server on a free port and yield its endpoint."""
    bundle = synthetic_bundle(folder / "bundle", control_period_s=1 / options.rate_hz)
    settings = folder / "serve.yaml"
    settings.write_text(
        f"bind: tcp://127.0.0.1:*\ndeadline_share: {options.deadline_share}\nmax_clients: {options.most + 1}\n"
    )
    command = [sys.executable, "-c", VERB, "serve", str(bundle.folder), "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _measure(endpoint: str, options: Options) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Let the robots ask; return a row for each and one for all, and the server's counters."""
    period_s, count = 1 / options.rate_hz, max(1, round(options.seconds * options.rate_hz))
    with ExitStack() as stack:
        robots = [
            stack.enter_context(_robot(endpoint, index, period_s, options.deadline_share * period_s, count))
            for index in range(options.clients)
        ]
        for robot in robots:
            if robot.stdout.readline() != "ready\n":
                raise SystemExit(f"Expected {options.clients} clients to be let in, found fewer; ask for fewer.")
        start_s = time.monotonic() + 0.5  # one clock for all processes of a machine
        for index, robot in enumerate(robots):
            shift_s = 0.0 if options.together else index * period_s / options.clients
            robot.stdin.write(f"{start_s + shift_s}\n")
            robot.stdin.flush()
        answers = [json.loads(robot.stdout.read()) for robot in robots]
    with Client(endpoint, name="counters") as client:
        counters = client.ping().counters
    rows = [_row(f"{index}", each) for index, each in enumerate(answers)]
    return [*rows, _row("all", [answer for each in answers for answer in each])], counters


@contextmanager
def _robot(endpoint: str, *facts: float) -> Iterator[Any]:
    command = [sys.executable, "-c", ROBOT, endpoint, *(str(fact) for fact in facts)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _row(name: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    answered = [request for request in requests if "error" not in request]
    kept = sum(request["kept"] for request in answered)
    return {
        "client": name,
        "mode": "adaptive",
        "backend": "onnxruntime-cpu",
        "requests": len(requests),
        "within_deadline": kept / len(requests),
        "miss_rate": 1 - kept / len(requests),
        "misses": len(requests) - kept,
        "refused": len(requests) - len(answered),
        "mean_steps": sum(request["steps"] for request in answered) / len(answered) if answered else None,
        "round_trip_ms": results.latency_summary([request["ms"] for request in answered]),
        "queue_ms": results.latency_summary([request["queue_ms"] for request in answered]),
    }


def _one_too_many(endpoint: str, options: Options) -> dict[str, Any]:
    """Let clients in until one is refused; they are gone again afterwards."""
    with ExitStack() as stack:
        for fit in range(options.most):
            client = Client(endpoint, name=f"guest {fit}", timeout_s=5.0)
            stack.callback(client.close)
            try:
                client.connect()
            except ServerError as error:
                return {"mode": "refusal", "fit": fit, "refusal": str(error)}
    return {"mode": "refusal", "fit": options.most, "refusal": "nothing, as nobody was refused"}


if __name__ == "__main__":
    sys.exit(main())
