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
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tyro
import zmq

from tests.bundles import make_bundle
from tests.mutations import mutated
from vgf_robot import Client, ClientKeys, results
from vgf_robot.security import curve_client, write_key_pair
from vgf_robot.wire import ErrorKind

COLUMNS = ("mode", "messages", "asked", "misses", "miss_rate", "round_trip_ms")
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
PERIOD_S = 0.002
ROLES = {"robot": "act", "liar": "act", "second": "act", "third": "act", "watcher": "observe"}
# What no message can cause: they are the server's own.
NOT_BY_MESSAGES = {ErrorKind.SHUTTING_DOWN, ErrorKind.INTERNAL, "unknown"}
# Messages of one sender that a server looks at in one turn; one of them is the ping that ends a block.
BLOCK = 8
NOISE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff" * 64,
    b"",
    b"\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE" + bytes(80),
    b"\x16\x03\x01",
)
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
        liars = stack.enter_context(Liars(server.endpoint, folder, options))
        liars.attack(options.messages // 20)  # what a first time brings is not growth
        before, began_s = _size(server.pid), time.monotonic()
        liars.attack(options.messages - options.messages // 20)
        took_s, after = time.monotonic() - began_s, _size(server.pid)
        asked = robot()
        with closing(Client(server.endpoint, timeout_s=20.0, keys=_keys(folder, "robot"))) as client:
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


def _keys(folder: Path, name: str) -> ClientKeys:
    return ClientKeys.load(folder / name, folder / "server" / "server.public")


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


class Liars:
    """Peers with keys that say what they like; a ping at the end of a block tells when the server has read it."""

    def __init__(self, endpoint: str, folder: Path, options: Options) -> None:
        self.raw: Counter[str] = Counter()
        self._endpoint = endpoint
        self._generator = random.Random(options.seed)
        self._each = max(1, -(-options.messages * 12 // 10_000))
        self._share = self._each / options.messages
        self._sequence = 1
        self._turn = 0
        self._context = zmq.Context()
        self._peers = {name: self._connect(_keys(folder, name)) for name in ROLES if name != "robot"}
        self._strangers = [self._connect(None)]
        for name in ("liar", "second"):
            self._block(name, [])

    def __enter__(self) -> Liars:
        return self

    def __exit__(self, *reason: object) -> None:
        self._context.destroy(linger=0)

    def attack(self, messages: int) -> None:
        """Send this many messages, and now and then one of each thing that takes more than one message."""
        dances = (self._supersede, self._overload, self._crowd, self._forbid, self._hurry, self._knock)
        done, danced = 0, 0
        while done < messages:
            lies = [self._lie(number) for number in range(done, min(done + BLOCK - 2, messages))]
            self._block("liar", lies)
            done += len(lies)
            while danced < done * self._share:
                danced += 1
                for dance in dances:
                    dance()

    def _connect(self, keys: ClientKeys | None) -> zmq.Socket:
        peer = self._context.socket(zmq.DEALER)
        peer.setsockopt(zmq.SNDHWM, 0)
        curve_client(peer, keys)
        peer.connect(self._endpoint)
        return peer

    def _lie(self, number: int) -> list[bytes]:
        """Return the frames of a message: every other one a mutation in msgpack, the rest of each kind by turns."""
        if number % 2:
            lie = None
            while lie is None:
                with suppress(UnicodeEncodeError, OverflowError):  # what msgpack cannot say
                    lie = msgspec.msgpack.encode(mutated(self._generator.choice(self._truths()), self._generator))
            return [lie]
        self._turn += 1
        ways = self._ways()
        return ways[self._turn % len(ways)]

    def _truths(self) -> list[dict[str, Any]]:
        self._sequence += 1
        hello = {"type": "hello", "version": 1, "sequence": self._sequence, "name": "liar", "rate_hz": 0.01}
        observe = self._observe()
        return [hello, observe, observe, observe, {"type": "engage", "version": 1, "sequence": 1, "action": "engage"}]

    def _observe(self, **changes: Any) -> dict[str, Any]:
        self._sequence += 1
        return {
            "type": "observe", "version": 1, "sequence": self._sequence, "episode": 1, "seed": 0,
            "observation": {"dtype": "<f4", "shape": [3], "data": bytes(12)}, "observation_age_us": 0,
            "deadline_us": 1_000_000, "budget": {"max_steps": 0}, **changes,
        }  # fmt: skip

    def _ways(self) -> list[list[bytes]]:
        """Return one message of each kind that takes one message."""
        generator, encode = self._generator, msgspec.msgpack.encode
        whole = encode(self._observe())
        nan = np.array([np.nan, 0, 0], "<f4").tobytes()
        array = {"dtype": "<f4", "shape": [3], "data": bytes(12)}
        expect = {"control_period_s": generator.random()}
        damaged = bytearray(whole)
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        return [
            [generator.randbytes(generator.randrange(200))],
            [whole[: generator.randrange(len(whole))]],
            [bytes(damaged)],
            [generator.choice((b"\x91", b"\x81\xa1x")) * 20_000],
            [encode({**self._observe(), "type": "explode"})],
            [encode({**self._observe(), "version": generator.randrange(2, 99)})],
            [bytes(65_537 + generator.randrange(1000))],
            [whole] * generator.randrange(2, 30),
            [encode({"type": "hello", "version": 1, "sequence": 1, "name": "liar", "expect": expect})],
            [encode(self._observe(observation={**array, "dtype": "<i4"}))],
            [encode(self._observe(observation={**array, "shape": [generator.randrange(9), 3]}))],
            [encode(self._observe(observation={**array, "data": bytes(generator.randrange(12))}))],
            [encode(self._observe(observation={**array, "data": nan}))],
            [encode(self._observe(budget={"max_steps": generator.randrange(4, 99)}))],
            [encode({**self._observe(), "sequence": 1})],
            [encode(self._observe(observation_age_us=generator.randrange(2_000_000, 2**40)))],
            [encode({"type": "engage", "version": 1, "sequence": 1, "action": "engage"})],
        ]

    def _block(self, name: str, messages: list[list[bytes]], *, greet: bool = True) -> None:
        """Say hello, then the messages, and wait until the server has read them."""
        self._sequence += 1
        peer, mark = self._peers[name], self._sequence
        if greet:
            hello = {"type": "hello", "version": 1, "sequence": 0, "name": name, "rate_hz": 0.01}
            peer.send(msgspec.msgpack.encode(hello))
        for frames in messages:
            peer.send_multipart(frames)
        peer.send(msgspec.msgpack.encode({"type": "ping", "version": 1, "sequence": mark}))
        while True:
            assert peer.poll(60_000), "the server does not answer"
            reply = msgspec.msgpack.decode(peer.recv())
            if reply["type"] == "pong" and reply["sequence"] == mark:
                return
            # A block that came in two parts may have had its ping dropped as one message too many.
            if reply["type"] == "error" and reply["kind"] == ErrorKind.TOO_FAST:
                peer.send(msgspec.msgpack.encode({"type": "ping", "version": 1, "sequence": mark}))

    def _supersede(self) -> None:
        pair = [[msgspec.msgpack.encode(self._observe())] for _ in range(2)]
        self._block("liar", pair)

    def _overload(self) -> None:
        """Leave a place free, and ask for more time than there is; then ask for something without having said hello."""
        hello = {"type": "hello", "version": 1, "sequence": 0, "name": "third", "rate_hz": 1 / PERIOD_S}
        bye = [msgspec.msgpack.encode({"type": "bye", "version": 1, "sequence": 0})]
        self._block("second", [bye], greet=False)
        self._block("third", [[msgspec.msgpack.encode(hello)], [msgspec.msgpack.encode(self._observe())]], greet=False)
        self._block("second", [])

    def _crowd(self) -> None:
        self._block("third", [])

    def _forbid(self) -> None:
        self._block("watcher", [[msgspec.msgpack.encode(self._observe())]], greet=False)

    def _hurry(self) -> None:
        """Send more at a time than is looked at, and let go of what was not."""
        for _ in range(3 * BLOCK):
            self._peers["liar"].send(b"faster")
        self._block("liar", [], greet=False)

    def _knock(self) -> None:
        """Connect without a key, and send to the port what is no ZeroMQ."""
        self._strangers.append(self._connect(None))
        if len(self._strangers) > 4:
            self._strangers.pop(0).close(linger=0)
        host, port = self._endpoint.removeprefix("tcp://").rsplit(":", 1)
        noise = self._generator.choice((*NOISE, self._generator.randbytes(2000)))
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as stranger:
            stranger.sendall(noise)
            self.raw["connections"] += 1
            self.raw["bytes"] += len(noise)


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
