"""What is wrong is refused in words, and the next honest message is served."""

import os
import socket
from contextlib import suppress

import msgspec
import numpy as np
import pytest
import zmq

from tests.integration.serve.servers import OBSERVATION, OBSERVE, PATIENCE_S, ask, dealer, expect_service
from vgf_robot.controller import Budget, Rung
from vgf_robot.wire import Client, ErrorKind, Expectations, ExpectedField, RefusedError

pytestmark = pytest.mark.realtime


def test_a_client_for_another_robot_is_told_expected_and_found(server):
    expect = Expectations(observation=(ExpectedField(name="joint_position", size=6, unit="rad"),))
    with pytest.raises(RefusedError) as caught, Client(server.endpoint, timeout_s=PATIENCE_S, expect=expect):
        pass
    assert caught.value.kind is ErrorKind.MISMATCH
    assert "joint_position (6 in rad)" in str(caught.value)
    assert "goal (2 in m)" in str(caught.value)


@pytest.mark.parametrize(
    ("observation", "kind"),
    [
        ([0.0, 0.0], ErrorKind.WRONG_SHAPE),
        ([[0.0, 0.0, 0.0]], ErrorKind.WRONG_SHAPE),
        ([0.0, 0.0, np.nan], ErrorKind.NON_FINITE),
        ([0.0, np.inf, 0.0], ErrorKind.NON_FINITE),
    ],
)
def test_a_wrong_observation_is_refused_and_the_next_one_answered(server, observation, kind):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        with pytest.raises(RefusedError) as caught:
            client.act(observation)
        assert caught.value.kind is kind
        assert client.act(OBSERVATION, deadline_s=PATIENCE_S).command.rung is Rung.TRANSPORT


def test_a_budget_above_the_bundles_is_refused_and_the_next_one_answered(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        with pytest.raises(RefusedError, match="max_steps"):
            client.act(OBSERVATION, budget=Budget(max_steps=99))
        assert client.act(OBSERVATION, deadline_s=PATIENCE_S).command.steps == 3


WRONG = {
    "garbage": ([b"\x00\x01\x02"], "malformed"),
    "empty": ([b""], "malformed"),
    "nested": ([b"\x91" * 60_000], "malformed"),
    "two frames": ([b"a", b"b"], "too_many_frames"),
    "many frames": ([b"a"] * 1000, "too_many_frames"),
    "large": ([bytes(65_537)], "too_large"),
    "type": ([msgspec.msgpack.encode({"type": "kill", "version": 1, "sequence": 1})], "unknown_type"),
    "version": ([msgspec.msgpack.encode({"type": "hello", "version": 7, "sequence": 1})], "wrong_version"),
    "key": ([msgspec.msgpack.encode({"type": "ping", "version": 1, "sequence": 1, "x": 1})], "malformed"),
    "greeting": ([msgspec.msgpack.encode(OBSERVE)], "handshake_required"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_message_gets_its_error_and_an_honest_client_is_served(server, name):
    frames, kind = WRONG[name]
    with dealer(server.endpoint) as peer:
        reply = ask(peer, *frames)
    assert (reply["type"], reply["kind"]) == ("error", kind)
    assert reply["expected"]
    assert "Traceback" not in str(reply)
    expect_service(server.endpoint)


def test_a_message_beyond_the_transports_cap_cuts_only_its_sender(server):
    with dealer(server.endpoint) as peer:
        peer.send(bytes(10_000_000))
        expect_service(server.endpoint)


def test_a_peer_that_floods_and_never_reads_does_not_disturb(server):
    with dealer(server.endpoint) as peer:
        peer.setsockopt(zmq.SNDTIMEO, 100)
        with suppress(zmq.Again):  # pushed back, as it should be
            for _ in range(20_000):
                peer.send(b"garbage")
        expect_service(server.endpoint)


def test_bytes_that_are_not_zeromq_do_not_disturb(server):
    host, port = server.endpoint.removeprefix("tcp://").rsplit(":", 1)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\xff" * 64, b""):
        stranger = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        with stranger, suppress(BrokenPipeError, ConnectionResetError):  # cut off, as it should be
            stranger.sendall(noise)
        expect_service(server.endpoint)
