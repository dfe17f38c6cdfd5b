"""Loops, sensors and listeners in processes of their own."""

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq

from vgf_robot.drive import CommandMessage, decode_command

PATIENCE_S = 60.0  # a bound for a machine that is busy with other things, not an expectation
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
SAFE = (0.25, -0.5)
# Five observations per control period of 50 ms.
SENSOR = """
import itertools, json, struct, sys, time
import msgspec, zmq
endpoint, facts = sys.argv[1], json.loads(sys.argv[2])
publisher = zmq.Context().socket(zmq.PUB)
publisher.setsockopt(zmq.LINGER, 0)
publisher.connect(endpoint)
array = {"dtype": "<f4", "shape": [3], "data": struct.pack("<3f", 0.4, -0.2, 0.1)}
for sequence in itertools.count():
    message = {"type": "observation", "version": 1, "sequence": sequence, "observation": array}
    message = {**message, "stamp_ns": time.monotonic_ns(), **facts}
    publisher.send(msgspec.msgpack.encode(message))
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class Driving:
    """A loop: where it takes observations in, and where it gives commands out."""

    process: subprocess.Popen
    observations: str
    commands: str

    def line(self) -> str:
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "no line from the loop"
        return self.process.stdout.readline()

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit code and the rest of what was said."""
        self.process.send_signal(number)
        said, complaints = self.process.communicate(timeout=PATIENCE_S)
        assert complaints == ""
        return self.process.returncode, said


@contextmanager
def driving(bundle: Path, *options: str) -> Iterator[Driving]:
    ports = ("--observations", "tcp://127.0.0.1:*", "--commands", "tcp://127.0.0.1:*")
    command = [sys.executable, "-c", VERB, "drive", str(bundle), *ports, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=ENVIRONMENT
    ) as process:
        try:
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "the loop did not start"
            line = process.stdout.readline()
            while line.startswith("control at "):
                line = process.stdout.readline()
            found = re.search(r"^ready: .* observations at (\S+) commands at ([^\s,]+)", line)
            assert found, line + process.stderr.read()
            yield Driving(process, *found.groups())
        finally:
            process.kill()


@contextmanager
def sensing(endpoint: str, **facts) -> Iterator[subprocess.Popen]:
    """A sensor; keywords go into every message."""
    with subprocess.Popen([sys.executable, "-c", SENSOR, endpoint, json.dumps(facts)], env=ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.kill()


class Listener:
    """What a robot hears."""

    def __init__(self, socket: zmq.Socket) -> None:
        self._socket = socket

    def next(self) -> CommandMessage:
        assert self._socket.poll(1000 * PATIENCE_S), "no command"
        return decode_command(self._socket.recv())

    def until(self, wanted: Callable[[CommandMessage], bool]) -> CommandMessage:
        """Return the first command that is as wanted."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not wanted(message := self.next()):
            assert time.monotonic() < give_up_s, f"the last command was {message}"
        return message

    def rest(self, quiet_ms: int = 300) -> list[CommandMessage]:
        """Return what still comes, until nothing does."""
        messages = []
        while self._socket.poll(quiet_ms):
            messages.append(decode_command(self._socket.recv()))
        return messages


@contextmanager
def listening(endpoint: str) -> Iterator[Listener]:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(endpoint)
        yield Listener(socket)


def action_of(message: CommandMessage) -> np.ndarray:
    return np.frombuffer(message.action.data, "<f4")
