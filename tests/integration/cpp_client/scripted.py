"""A server that says what a test tells it to, and runs of the C++ client against it."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zmq

PATIENCE_S = 60.0  # a bound for a machine that is busy with other things, not an expectation
Message = dict[str, Any]
SHA256 = "ab" * 32
WELCOME: Message = {
    "type": "welcome",
    "version": 1,
    "bundle": "scripted",
    "bundle_sha256": SHA256,
    "manifest_schema": 1,
    "observation": [{"name": "goal", "size": 2, "unit": "m", "low": [-1.0, -1.0], "high": [1.0, 1.0]}],
    "action": [{"name": "position", "size": 2, "unit": "m", "low": [-2.0, -2.0], "high": [2.0, 2.0]}],
    "action_kind": "absolute",
    "action_rate_limit": None,
    "safe_action": [0.0, 0.0],
    "control_period_s": 0.01,
    "operating_point": {},
    "num_particles": [1],
    "default_deadline_us": 9000,
    "max_message_bytes": 65536,
    "engagement": False,
}
ACT: Message = {
    "type": "act",
    "version": 1,
    "episode": 1,
    "episode_tick": 1,
    "action": {"dtype": "<f4", "shape": [2], "data": np.array([0.5, 0.5], "<f4").tobytes()},
    "status": "on_time",
    "rung": "transport",
    "reason": "complete",
    "steps": 1,
    "value": 0.0,
    "spread": 0.0,
    "displacement": 0.0,
    "limited": 0.0,
    "num_outside": 0,
    "valid_for_us": 10_000_000,
    "timings": {
        "queue_ns": 1, "reference_ns": 1, "step_ns": [1], "select_ns": 1, "tick_ns": 3, "server_ns": 4,
    },
}  # fmt: skip


def error(sequence: int | None, kind: str) -> Message:
    found = {"expected": "something else", "found": "this", "advice": "look here"}
    return {"type": "error", "version": 1, "sequence": sequence, "kind": kind, **found}


@dataclass
class Script:
    """What is answered, and what was heard.

    Attributes:
        welcome: Answers every hello.
        on_observe: From the number of the observation, 0 for the first, and the message, to replies; their sequence is
            the message's where they have none.
        heard: Every message.
    """

    welcome: Message = field(default_factory=lambda: dict(WELCOME))
    on_observe: Callable[[int, Message], list[Message]] = lambda number, message: [ACT]
    heard: list[Message] = field(default_factory=list)

    def heard_of(self, kind: str) -> list[Message]:
        return [message for message in self.heard if message["type"] == kind]

    def replies(self, message: Message) -> list[Message]:
        self.heard.append(message)
        if message["type"] == "hello":
            return [self.welcome]
        if message["type"] == "engage":
            return [{"type": "engagement", "version": 1, "state": "checking", "reason": ""}]
        if message["type"] == "observe":
            return self.on_observe(len(self.heard_of("observe")) - 1, message)
        return []


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """Serve a script in a thread, and yield its endpoint."""
    stop = threading.Event()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        port = router.bind_to_random_port("tcp://127.0.0.1")

        def serve() -> None:
            while not stop.is_set():
                if not router.poll(20):
                    continue
                address, payload = router.recv_multipart()
                message = msgspec.msgpack.decode(payload)
                for reply in script.replies(message):
                    filled = {"sequence": message["sequence"], **reply}
                    router.send_multipart((address, msgspec.msgpack.encode(filled)))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{port}"
        finally:
            stop.set()
            thread.join()


@dataclass(frozen=True)
class Ended:
    """How a run of the client ended."""

    code: int
    out: str
    complaint: str

    def count(self, name: str) -> int:
        """Return a count of the report; 0 where it is left out."""
        lines = dict(line.split(": ", 1) for line in self.out.splitlines() if ": " in line)
        return int(lines.get(name, "0"))


def run_client(program: Path, endpoint: str, *options: str) -> Ended:
    command = [program, "--endpoint", endpoint, *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)
