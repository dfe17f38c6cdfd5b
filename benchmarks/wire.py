"""What ZeroMQ on loopback adds to a tick: the client's round trip less the controller's own time.

Target on an idle machine: at most 0.3 ms in the median and 1 ms at p99. With --curve a second server asks for keys, and
both are asked by turns, block by block; encryption and the rights of every message should add at most 0.1 ms at the
median.

Example:
    python benchmarks/wire.py --json out/bench/wire.json
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
import zmq

from tests.bundles import OBSERVATION_SIZE, make_bundle
from vgf_robot import results
from vgf_robot.security import ClientKeys, write_key_pair
from vgf_robot.wire import (
    VERSION,
    Act,
    Answer,
    Client,
    Observe,
    ServerTimings,
    Welcome,
    decode_reply,
    decode_request,
    encode,
    pack,
    unpack,
)

COLUMNS = ("mode", "round_trip_ms", "tick_ms", "added_ms", "transport_ms", "queue_ms")
CODEC_COLUMNS = ("mode", "encode_ms", "decode_ms")
TARGET_MEDIAN_MS = 0.3
TARGET_P99_MS = 1.0
TARGET_CURVE_MS = 0.1
# Requests in a row to one server before it is the other one's turn.
BLOCK = 100
# What ZeroMQ and this machine take without us: sockets that do nothing but answer.
ECHO = """
import zmq
router = zmq.Context().socket(zmq.ROUTER)
router.bind("tcp://127.0.0.1:*")
print(router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
while True:
    router.send_multipart(router.recv_multipart())
"""
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    requests: int = 2000
    """Requests per row, after the warm-up."""
    warm_up: int = 200
    """Requests that are not counted."""
    period_ms: float = 5.0
    """Period of the paced row, like a robot's; the other row sends as soon as it has an answer."""
    bind: str = "tcp://127.0.0.1:*"
    """Where the server listens."""
    curve: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Ask a server with keys, too."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder) / "bundle")
        with _served(bundle, options.bind) as endpoint, Client(endpoint, timeout_s=5.0) as client:
            client.begin_episode(seed=0)
            rows = [
                _row("paced", _ask(client, options, options.period_ms)),
                _row("back to back", _ask(client, options, 0.0)),
            ]
            codec = _codec_row(client.welcome, options.requests)
            if options.curve:
                rows += _curve_rows(bundle, Path(folder) / "keys", client, options)
    rows.append(_echo_row(options))
    results.print_table("added by the wire, p50 / p99", rows, COLUMNS)
    results.print_table("encoding and decoding, both messages, p50 / p99", [codec], CODEC_COLUMNS)
    for row in rows[:2]:
        added = row["added_ms"]
        kept = added["p50"] <= TARGET_MEDIAN_MS and added["p99"] <= TARGET_P99_MS
        print(
            f"{row['mode']}: {TARGET_MEDIAN_MS} ms median and {TARGET_P99_MS} ms p99 {'kept' if kept else 'not kept'}"
        )
    if options.json is not None:
        results.write_json(options.json, "benchmarks/wire", asdict(options), [*rows, codec])
    return 0


@contextmanager
def _served(bundle: Path, bind: str, *more: str) -> Iterator[str]:
    with _printing(VERB, "serve", str(bundle), "--bind", bind, *more) as line:
        yield line.split()[-1]


def _curve_rows(bundle: Path, folder: Path, plain: Client, options: Options) -> list[dict]:
    """Ask the server without keys and one with keys by turns, paced and back to back."""
    server, robot = write_key_pair(folder, "server"), write_key_pair(folder / "robot", "robot")
    listed = f"clients: [{{name: robot, key: '{robot.public}', roles: [act]}}]\n"
    (folder / "clients.yaml").write_text(listed)
    with (
        _served(bundle, options.bind, "--keys", str(folder)) as endpoint,
        Client(endpoint, timeout_s=5.0, keys=ClientKeys(pair=robot, server=server.public)) as guarded,
    ):
        return [row for period_ms in (options.period_ms, 0.0) for row in _pair(plain, guarded, options, period_ms)]


def _pair(plain: Client, guarded: Client, options: Options, period_ms: float) -> list[dict]:
    asked: dict[str, list[Answer]] = {"without keys": [], "with keys": []}
    block = replace(options, requests=BLOCK, warm_up=BLOCK // 10)
    turns = list(zip(asked, (plain, guarded), strict=True))
    for _ in range(max(1, options.requests // BLOCK)):
        turns.reverse()
        for mode, client in turns:
            client.begin_episode(seed=0)
            asked[mode] += _ask(client, block, period_ms)
    name = "paced" if period_ms else "back to back"
    rows = [_row(f"{name}, {mode}", answers) for mode, answers in asked.items()]
    cost_ms = rows[1]["added_ms"]["p50"] - rows[0]["added_ms"]["p50"]
    kept = "kept" if cost_ms <= TARGET_CURVE_MS else "not kept"
    print(f"{name}: keys add {cost_ms:.3f} ms at the median ({TARGET_CURVE_MS} ms {kept})")
    return rows


@contextmanager
def _printing(program: str, *arguments: str) -> Iterator[str]:
    """Run a program and yield the first line it prints."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _ask(client: Client, options: Options, period_ms: float) -> list[Answer]:
    generator = np.random.default_rng(0)
    answers: list[Answer] = []
    began_ns = time.monotonic_ns()
    for index in range(options.warm_up + options.requests):
        due_ns = began_ns + round(index * period_ms * 1e6)
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        answers.append(client.act(generator.uniform(-1, 1, OBSERVATION_SIZE), deadline_s=1.0))
    return answers[options.warm_up :]


def _row(mode: str, answers: list[Answer]) -> dict:
    def summary(nanoseconds: Callable[[Answer], int]) -> dict[str, float] | None:
        return results.latency_summary([nanoseconds(answer) / 1e6 for answer in answers])

    return {
        "mode": mode,
        "backend": "onnxruntime-cpu",
        "round_trip_ms": summary(lambda answer: answer.round_trip_ns),
        "tick_ms": summary(lambda answer: answer.command.timings.tick_ns),
        "added_ms": summary(lambda answer: answer.round_trip_ns - answer.command.timings.tick_ns),
        "transport_ms": summary(lambda answer: answer.transport_ns),
        "queue_ms": summary(lambda answer: answer.queue_ns),
    }


def _echo_row(options: Options) -> dict:
    """Time a bare echo of messages of the same size, back to back."""
    payload = encode(_observe(0, np.zeros(OBSERVATION_SIZE, np.float32)))
    samples_ms: list[float] = []
    with _printing(ECHO) as endpoint, zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(endpoint)
        for _ in range(options.warm_up + options.requests):
            began_ns = time.monotonic_ns()
            dealer.send(payload)
            dealer.recv()
            samples_ms.append((time.monotonic_ns() - began_ns) / 1e6)
    return {"mode": "bare echo", "round_trip_ms": results.latency_summary(samples_ms[options.warm_up :])}


def _codec_row(facts: Welcome, repeats: int) -> dict:
    """Time both directions of one exchange, arrays included, in this process."""
    observation, action = np.zeros(OBSERVATION_SIZE, np.float32), np.zeros(2, np.float32)
    encode_ms: list[float] = []
    decode_ms: list[float] = []
    for sequence in range(repeats):
        began_ns = time.perf_counter_ns()
        request, reply = encode(_observe(sequence, observation)), encode(_act(sequence, action))
        encoded_ns = time.perf_counter_ns()
        asked, told = decode_request(request), decode_reply(reply)
        assert isinstance(asked, Observe)
        assert isinstance(told, Act)
        unpack(asked.observation, facts.observation)
        unpack(told.action, facts.action)
        encode_ms.append((encoded_ns - began_ns) / 1e6)
        decode_ms.append((time.perf_counter_ns() - encoded_ns) / 1e6)
    return {
        "mode": "codec",
        "encode_ms": results.latency_summary(encode_ms),
        "decode_ms": results.latency_summary(decode_ms),
    }


def _observe(sequence: int, observation: np.ndarray) -> Observe:
    return Observe(
        version=VERSION, sequence=sequence, episode=1, seed=0, observation=pack(observation), observation_age_us=0
    )


def _act(sequence: int, action: np.ndarray) -> Act:
    timings = ServerTimings(queue_ns=1, reference_ns=1, step_ns=(1, 1, 1), select_ns=1, tick_ns=1, server_ns=1)
    return Act(
        version=VERSION,
        sequence=sequence,
        episode=1,
        episode_tick=1,
        action=pack(action),
        status="on_time",
        rung="transport",
        reason="complete",
        steps=3,
        value=0.0,
        spread=0.0,
        displacement=0.0,
        limited=0.0,
        num_outside=0,
        valid_for_us=100_000,
        timings=timings,
    )


if __name__ == "__main__":
    sys.exit(main())
