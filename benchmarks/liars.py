"""Peers of a server that say what no client should, for `benchmarks/malformed.py`."""

from __future__ import annotations

import random
import socket
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zmq

from tests.mutations import mutated
from vgf_robot import ClientKeys
from vgf_robot.security import curve_client
from vgf_robot.wire import ErrorKind

PERIOD_S = 0.002  # of the bundle that is served
ROLES = {"robot": "act", "liar": "act", "second": "act", "third": "act", "watcher": "observe"}
# Messages of one sender that a server looks at in one turn; one of them is the ping that ends a block.
BLOCK = 8
NOISE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff" * 64,
    b"",
    b"\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE" + bytes(80),
    b"\x16\x03\x01",
)


def keys_of(folder: Path, name: str) -> ClientKeys:
    return ClientKeys.load(folder / name, folder / "server" / "server.public")


class Liars:
    """Peers with keys that say what they like; a ping at the end of a block tells when the server has read it."""

    def __init__(self, endpoint: str, folder: Path, messages: int, generator: random.Random) -> None:
        self.raw: Counter[str] = Counter()
        self._endpoint = endpoint
        self._generator = generator
        self._each = max(1, -(-messages * 12 // 10_000))
        self._share = self._each / messages
        self._sequence = 1
        self._turn = 0
        self._context = zmq.Context()
        self._peers = {name: self._connect(keys_of(folder, name)) for name in ROLES if name != "robot"}
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
