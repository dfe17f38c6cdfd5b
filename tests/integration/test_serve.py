import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq

from tests.bundles import make_bundle
from vgf_robot.controller import Budget, Rung
from vgf_robot.wire import (
    BundleChangedError,
    Client,
    ErrorKind,
    Expectations,
    ExpectedField,
    NoServerError,
    RefusedError,
    ServerBusyError,
)

pytestmark = pytest.mark.realtime

PATIENCE_S = 60.0  # a bound for a machine that is busy with other things, not an expectation
OBSERVATION = np.array([0.4, -0.2, 0.1], np.float32)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
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


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen
    endpoint: str

    def line(self) -> str:
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "no line from the server"
        return self.process.stdout.readline()


@contextmanager
def serving(bundle: Path, *options: str, bind: str = "tcp://127.0.0.1:*", slow_s: float | None = None):
    program = ["-c", VERB, "serve"] if slow_s is None else ["-c", SLOW, str(slow_s)]
    command = [sys.executable, *program, str(bundle), "--bind", bind, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=ENVIRONMENT
    ) as process:
        try:
            assert select.select([process.stdout], [], [], PATIENCE_S)[0], "the server did not start"
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
def dealer(endpoint: str):
    """A peer that says whatever it likes."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.setsockopt(zmq.LINGER, 0)
        peer.connect(endpoint)
        yield peer


def ask(peer: zmq.Socket, *frames: bytes) -> dict:
    peer.send_multipart(frames)
    assert peer.poll(1000 * PATIENCE_S), "no reply"
    return msgspec.msgpack.decode(peer.recv())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def server(bundle):
    with serving(bundle) as served:
        yield served


def expect_service(endpoint: str) -> None:
    with Client(endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert answer.command.rung is Rung.TRANSPORT
        assert np.isfinite(answer.action).all()


def test_an_observation_is_answered_with_an_action_and_the_facts(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S, name="test") as client:
        assert client.welcome.bundle == "tiny"
        client.begin_episode(seed=3)
        first = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        second = client.act(OBSERVATION, deadline_s=PATIENCE_S, budget=Budget(max_steps=1))
        assert (first.command.steps, second.command.steps) == (3, 1)
        assert (first.episode_tick, second.episode_tick) == (1, 2)
        assert first.round_trip_ns >= first.server_ns >= first.command.timings.tick_ns > 0
        assert first.transport_ns > 0
        assert first.valid_until_ns - first.received_ns == 100_000_000
        client.begin_episode(seed=3)
        again = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert again.episode_tick == 1
        np.testing.assert_array_equal(again.action, first.action)


def test_other_numbers_of_particles_are_ready(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        for num_particles in client.welcome.num_particles:
            budget = Budget(num_particles=num_particles)
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S, budget=budget).command.rung is Rung.TRANSPORT


def test_send_and_poll_do_not_wait(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        assert client.poll() is None
        client.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert client.poll(PATIENCE_S) is not None
        assert client.poll() is None


def test_many_clients_keep_their_episodes_apart(server):
    clients = [Client(server.endpoint, timeout_s=PATIENCE_S, name=f"robot {index}") for index in range(4)]
    try:
        for seed, client in enumerate(clients):
            client.connect()
            client.begin_episode(seed)
        for _ in range(3):
            for client in clients:
                client.send(OBSERVATION, deadline_s=PATIENCE_S)
            answers = [client.poll(PATIENCE_S) for client in clients]
        assert [answer.episode_tick for answer in answers] == [3, 3, 3, 3]
        assert len({answer.action.tobytes() for answer in answers}) == 4
    finally:
        for client in clients:
            client.close()


def test_clients_that_come_and_go_never_lock_each_other_out(bundle, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text("max_clients: 1\nevict_silent_s: 3600.0\nidle_s: 3600.0\n")
    with serving(bundle, "--config", str(settings)) as served:
        for _ in range(4):  # each says bye
            expect_service(served.endpoint)


def test_clients_that_reconnect_without_a_word_take_their_own_place(bundle, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text("max_clients: 2\nevict_silent_s: 0.05\nidle_s: 3600.0\n")
    hello = msgspec.msgpack.encode({"type": "hello", "version": 1, "sequence": 1, "name": "robot"})
    with serving(bundle, "--config", str(settings)) as served:
        for _ in range(4):
            with dealer(served.endpoint) as peer:
                give_up_s = time.monotonic() + PATIENCE_S
                while (reply := ask(peer, hello))["type"] != "welcome" and time.monotonic() < give_up_s:
                    assert reply["kind"] == "too_many_clients"
            assert reply["type"] == "welcome"


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
    "greeting": (
        [
            msgspec.msgpack.encode(
                {
                    "type": "observe",
                    "version": 1,
                    "sequence": 1,
                    "episode": 1,
                    "seed": 0,
                    "observation": {"dtype": "<f4", "shape": [3], "data": bytes(12)},
                    "observation_age_us": 0,
                }
            )
        ],
        "handshake_required",
    ),
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


def test_a_client_that_vanishes_before_its_answer_does_not_disturb(bundle):
    with serving(bundle, slow_s=0.2) as served:
        client = Client(served.endpoint, timeout_s=PATIENCE_S)
        client.connect()
        client.begin_episode(seed=0)
        client.send(OBSERVATION)
        assert served.line() == "ticking\n"
        client.close()
        expect_service(served.endpoint)


def test_a_server_that_is_slow_is_called_busy_and_its_late_answer_is_dropped(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        with pytest.raises(ServerBusyError):
            client.act(OBSERVATION, timeout_s=0.1)
        answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert answer.episode_tick == 2
        assert client.late_replies == 1


def test_no_server_is_said_in_time():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(NoServerError, match="No server answers"), Client(endpoint, timeout_s=0.2):
            pass


def test_a_port_in_use_is_a_fault_of_the_machine(server, bundle):
    second = refused_serve(bundle, server.endpoint)
    assert second.returncode == 3
    assert "in use" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_wide_bind_is_refused(bundle):
    wide = refused_serve(bundle, "tcp://0.0.0.0:*")
    assert wide.returncode == 2
    assert "--insecure" in wide.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_the_tick_in_flight_finish_and_answers_it(bundle, tmp_path, number, code):
    written = tmp_path / "serve.json"
    with (
        serving(bundle, "--json", str(written), slow_s=0.5) as served,
        Client(served.endpoint, timeout_s=PATIENCE_S) as client,
    ):
        client.begin_episode(seed=0)
        client.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert served.line() == "ticking\n"
        served.process.send_signal(number)
        answer = client.poll(PATIENCE_S)
        assert answer is not None
        assert answer.command.rung is Rung.TRANSPORT
        assert served.process.wait(PATIENCE_S) == code
        assert served.line().startswith("served ")
        assert served.process.stderr.read() == ""
    content = json.loads(written.read_text())
    assert content["verb"] == "serve"
    assert content["rows"][0]["counters"]["answered"] == 1
    assert content["rows"][0]["miss_rate"] == 0.0


def test_what_comes_during_a_tick_is_served_after_it(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as first:
        first.begin_episode(seed=0)
        first.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert served.line() == "ticking\n"
        with dealer(served.endpoint) as peer:
            hello = {"type": "hello", "version": 1, "sequence": 1, "name": "peer"}
            assert ask(peer, msgspec.msgpack.encode(hello))["type"] == "welcome"
        assert first.poll(PATIENCE_S) is not None


def test_those_who_wait_when_the_server_stops_are_told(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as first:
        first.begin_episode(seed=0)
        first.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert served.line() == "ticking\n"
        with dealer(served.endpoint) as peer:
            hello = {"type": "hello", "version": 1, "sequence": 1, "name": "peer"}
            observe = msgspec.msgpack.decode(WRONG["greeting"][0][0])
            peer.send(msgspec.msgpack.encode(hello))
            peer.send(msgspec.msgpack.encode({**observe, "sequence": 2, "deadline_us": 10**9}))
            time.sleep(0.2)  # both lie in the server's queue before it is told to stop
            served.process.send_signal(signal.SIGTERM)
            kinds = []
            while len(kinds) < 2 and peer.poll(1000 * PATIENCE_S):
                reply = msgspec.msgpack.decode(peer.recv())
                kinds.append(reply.get("kind", reply["type"]))
        assert kinds == ["welcome", "shutting_down"]


def test_a_killed_server_is_found_again_when_it_is_back(bundle):
    with serving(bundle) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        client.act(OBSERVATION, deadline_s=PATIENCE_S)
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with pytest.raises(NoServerError, match="went away"):
            client.act(OBSERVATION, timeout_s=0.2)
        with serving(bundle, bind=served.endpoint):
            answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
            assert answer.command.rung is Rung.TRANSPORT
            assert answer.episode_tick == 1
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S).episode_tick == 2


def test_a_server_killed_in_the_middle_of_a_tick_is_asked_again_within_the_same_call(bundle):
    with serving(bundle, slow_s=PATIENCE_S) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(client.act(OBSERVATION, deadline_s=PATIENCE_S)))
        caller.start()
        assert served.line() == "ticking\n"
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with serving(bundle, bind=served.endpoint):
            caller.join(PATIENCE_S)
        assert [answer.command.rung for answer in answers] == [Rung.TRANSPORT]


def test_a_server_back_with_another_bundle_is_refused_until_connected_anew(bundle, tmp_path):
    other = make_bundle(tmp_path / "other", name="other")
    with serving(bundle) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with serving(other, bind=served.endpoint):
            for _ in range(2):
                with pytest.raises(BundleChangedError):
                    client.act(OBSERVATION)
            assert client.connect().bundle == "other"
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S).command.rung is Rung.TRANSPORT


def test_ipc_serves_and_a_second_server_leaves_it_alone(bundle, tmp_path):
    endpoint = f"ipc://{tmp_path}/robot.sock"
    with serving(bundle, bind=endpoint) as served:
        assert served.endpoint == endpoint
        second = refused_serve(bundle, endpoint)
        assert second.returncode == 3
        expect_service(endpoint)
