"""Servers in processes of their own, and peers that say to them whatever they like."""

import os
import select
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import zmq

from vgf_robot.controller import Rung
from vgf_robot.wire import Client

PATIENCE_S = 60.0  # a bound for a machine that is busy with other things, not an expectation
OBSERVATION = np.array([0.4, -0.2, 0.1], np.float32)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
HELLO = {"type": "hello", "version": 1, "sequence": 1, "name": "peer"}
OBSERVE = {
    "type": "observe",
    "version": 1,
    "sequence": 2,
    "episode": 1,
    "seed": 0,
    "observation": {"dtype": "<f4", "shape": [3], "data": OBSERVATION.tobytes()},
    "observation_age_us": 0,
}
# The verb with ticks that say when they start and take their time, and a loop that wakes for messages alone.
SLOW = """
import sys, time
from vgf_robot.wire import server
server.BEAT_NS = 3600 * 10**9
from vgf_robot.commands import serve
from vgf_robot.controller import Controller
tick = Controller.tick
def slow(self, *arguments, **named):
    print("ticking", flush=True)
    time.sleep(float(sys.argv[1]))
    return tick(self, *arguments, **named)
Controller.tick = slow
sys.exit(serve.main(sys.argv[2:]))
"""
# The verb with answers that are said to cost 8.5 ms: not quite a fifth of the 45 that each client grants.
COSTLY = """
import sys
from types import SimpleNamespace
from vgf_robot.commands import serve
from vgf_robot.controller import Controller
half = SimpleNamespace(estimate_ns=4_250_000)
Controller.costs = lambda self, *budget: SimpleNamespace(reference=half, step=half, select=half)
sys.exit(serve.main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen
    endpoint: str

    def line(self) -> str:
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "no line from the server"
        return self.process.stdout.readline()


@contextmanager
def serving(
    bundle: Path,
    *options: str,
    bind: str = "tcp://127.0.0.1:*",
    slow_s: float | None = None,
    program: tuple[str, ...] = (VERB, "serve"),
    announced: str = "",
):
    program = program if slow_s is None else (SLOW, str(slow_s))
    command = [sys.executable, "-c", *program, str(bundle), "--bind", bind, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=ENVIRONMENT
    ) as process:
        try:
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "the server did not start"
            line = process.stdout.readline()
            if announced:
                assert line == f"{announced}\n", line + process.stderr.read()
                line = process.stdout.readline()
            assert line.startswith("ready: "), line + process.stderr.read()
            yield Served(process, line.split()[-1])
        finally:
            process.kill()


def refused_serve(bundle: Path, bind: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", VERB, "serve", str(bundle), "--bind", bind],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=ENVIRONMENT,
    )


@contextmanager
def dealer(endpoint: str, prepare=lambda _: None):
    """A peer that says whatever it likes."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.setsockopt(zmq.LINGER, 0)
        prepare(peer)
        peer.connect(endpoint)
        yield peer


def ask(peer: zmq.Socket, *frames: bytes) -> dict:
    peer.send_multipart(frames)
    assert peer.poll(1000 * PATIENCE_S), "no reply"
    return msgspec.msgpack.decode(peer.recv())


def expect_service(endpoint: str) -> None:
    with Client(endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert answer.command.rung is Rung.TRANSPORT
        assert np.isfinite(answer.action).all()
