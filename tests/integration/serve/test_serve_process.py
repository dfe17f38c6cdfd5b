"""The process itself: where it may listen, and how it ends."""

import json
import signal
import time

import msgspec
import pytest

from tests.integration.serve.servers import (
    HELLO,
    OBSERVATION,
    OBSERVE,
    PATIENCE_S,
    dealer,
    expect_service,
    refused_serve,
    serving,
)
from vgf_robot.controller import Rung
from vgf_robot.wire import Client

pytestmark = pytest.mark.realtime


def test_a_port_in_use_is_a_fault_of_the_machine(server, bundle):
    second = refused_serve(bundle, server.endpoint)
    assert second.returncode == 3
    assert "in use" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_wide_bind_is_refused(bundle):
    wide = refused_serve(bundle, "tcp://0.0.0.0:*")
    assert wide.returncode == 2
    assert "--insecure" in wide.stderr


def test_ipc_serves_and_a_second_server_leaves_it_alone(bundle, tmp_path):
    endpoint = f"ipc://{tmp_path}/robot.sock"
    with serving(bundle, bind=endpoint) as served:
        assert served.endpoint == endpoint
        second = refused_serve(bundle, endpoint)
        assert second.returncode == 3
        expect_service(endpoint)


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


def test_those_who_wait_when_the_server_stops_are_told(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as first:
        first.begin_episode(seed=0)
        first.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert served.line() == "ticking\n"
        with dealer(served.endpoint) as peer:
            peer.send(msgspec.msgpack.encode(HELLO))
            peer.send(msgspec.msgpack.encode({**OBSERVE, "deadline_us": 10**9}))
            time.sleep(0.2)  # both lie in the server's queue before it is told to stop
            served.process.send_signal(signal.SIGTERM)
            kinds = []
            while len(kinds) < 2 and peer.poll(1000 * PATIENCE_S):
                reply = msgspec.msgpack.decode(peer.recv())
                kinds.append(reply.get("kind", reply["type"]))
        assert kinds == ["welcome", "shutting_down"]
