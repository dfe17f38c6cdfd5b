import math
import subprocess
import sys

import numpy as np
import pytest
import zmq

from vgf_robot.controller import Budget
from vgf_robot.errors import BudgetError, ConfigError, ProtocolError
from vgf_robot.wire import Client, NoServerError, RefusedError, ServerBusyError
from vgf_robot.wire.question import observation_question

ALLOWED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"onnxruntime", "tyro", "rich", "torch", "mujoco", "onnx", "pytest"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from vgf_robot.wire import Client
Client("tcp://127.0.0.1:1").close()
"""


def test_the_client_needs_no_backend_and_no_command_line():
    assert subprocess.run([sys.executable, "-c", ALLOWED], check=False).returncode == 0


@pytest.mark.parametrize("endpoint", ["", "nowhere", "tcp://127.0.0.1", "tcp://127.0.0.1:port"])
def test_what_is_no_endpoint_is_said_at_once(endpoint):
    with pytest.raises(ConfigError, match="no endpoint"):
        Client(endpoint)


def test_no_server_is_told_from_one_that_is_silent():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as silent:
        port = silent.bind_to_random_port("tcp://127.0.0.1")
        client = Client(f"tcp://127.0.0.1:{port}", timeout_s=0.3)
        try:
            with pytest.raises(ServerBusyError, match="connected but did not answer"):
                client.connect()
            with pytest.raises(ServerBusyError):
                client.ping()
        finally:
            client.close()
    with pytest.raises(NoServerError, match="vgf-robot serve"), Client(f"tcp://127.0.0.1:{port}", timeout_s=0.1):
        pass


@pytest.mark.parametrize("call", ["connect", "act", "ping", "engage"])
def test_a_closed_client_says_that_it_is(call):
    client = Client("tcp://127.0.0.1:1", timeout_s=0.05)
    client.begin_episode(0)
    client.close()
    client.close()
    with pytest.raises(ProtocolError, match="This client is closed"):
        getattr(client, call)(*([[0.0]] if call == "act" else []))


def test_an_episode_is_begun_before_the_first_observation():
    client = Client("tcp://127.0.0.1:1", timeout_s=0.05)
    try:
        with pytest.raises(ProtocolError, match="begin_episode"):
            client.act([0.0])
        with pytest.raises(ProtocolError, match="connect"):
            _ = client.welcome
        client.begin_episode(0)
        with pytest.raises(NoServerError):
            client.act([0.0])
        assert client.poll() is None
    finally:
        client.close()
        client.close()


@pytest.fixture
def client():
    """A client to nobody, in an episode."""
    client = Client("tcp://127.0.0.1:1", timeout_s=0.01)
    client.begin_episode(0)
    yield client
    client.close()


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), 2**63 - 1, True])
def test_any_integer_is_a_seed(client, seed):
    client.begin_episode(seed)
    with pytest.raises(NoServerError):
        client.act([0.0])


@pytest.mark.parametrize("seed", [2**63, 2**64, -1, 1.5, "3", None, np.float32(3)])
def test_what_is_no_seed_is_said_at_once(client, seed):
    with pytest.raises(ProtocolError, match=r"seed: expected an integer from 0 to 2\*\*63 - 1"):
        client.begin_episode(seed)


WRONG_TIMES = [math.inf, -math.inf, math.nan, -0.1, 3601.0, "soon", np.float32("nan")]


@pytest.mark.parametrize("value", WRONG_TIMES)
@pytest.mark.parametrize("name", ["deadline_s", "timeout_s", "observation_age_s"])
def test_what_is_no_time_is_said_at_once(client, name, value):
    with pytest.raises(ProtocolError, match=f"{name}: expected 0 to 3600 seconds"):
        client.act([0.0], **{name: value})


@pytest.mark.parametrize("value", WRONG_TIMES)
def test_what_is_no_timeout_is_said_by_every_call(client, value):
    for call in (client.poll, lambda time: client.ping(timeout_s=time), lambda time: client.connect(timeout_s=time)):
        with pytest.raises(ProtocolError, match="timeout_s"):
            call(value)
    with pytest.raises(ProtocolError, match="timeout_s"):
        Client("tcp://127.0.0.1:1", timeout_s=value)


@pytest.mark.parametrize("observation", ["abc", [[0.0], [0.0, 1.0]], [None], [1j], {"goal": 1.0}])
def test_what_is_no_array_of_numbers_is_said_at_once(client, observation):
    with pytest.raises(ProtocolError, match="observation: expected numbers"):
        client.act(observation)


@pytest.mark.parametrize("pose", ["abc", [None], {"x": 1.0}])
def test_what_is_no_pose_is_said_at_once(client, pose):
    with pytest.raises(ProtocolError, match="pose: expected numbers"):
        client.act([0.0], pose=pose)


@pytest.mark.parametrize("rate_hz", [0, -1.0, math.nan, math.inf, "fast"])
def test_what_is_no_rate_is_said_at_once(rate_hz):
    with pytest.raises(ProtocolError, match="rate_hz: expected a number above 0"):
        Client("tcp://127.0.0.1:1", rate_hz=rate_hz)


def test_there_is_nothing_to_wait_for_before_something_was_sent(client):
    with pytest.raises(ProtocolError, match=r"call send\(observation\) first"):
        client.wait()
    client.send([0.0])
    with pytest.raises(NoServerError):
        client.wait()
    with pytest.raises(NoServerError):
        client.engage()


def test_what_is_no_budget_is_said_at_once(client):
    with pytest.raises(BudgetError, match="budget: expected a Budget or None, found dict"):
        client.act([0.0], budget={"max_steps": 1})


def test_numpys_numbers_are_numbers(client):
    budget = Budget(max_distance=np.float32(0.1), max_steps=np.int64(1))
    with pytest.raises(NoServerError):
        client.act(np.zeros(3, int), deadline_s=np.float32(0.01), timeout_s=np.float64(0.01), budget=budget)


def test_the_longest_deadline_is_none_however_late_it_is_sent():
    asked = {"episode": 1, "seed": 0, "budget": None, "age_s": 0.5, "asked_ns": 0}
    for deadline_s, written_us in ((3600, 3_600_000_000), (1.0, 750_000), (0.1, 0), (None, None)):
        message = observation_question([0.0], deadline_s=deadline_s, **asked).write(7, 250_000_000)
        assert (message.sequence, message.deadline_us) == (7, written_us)
        assert message.observation_age_us == 750_000


def test_a_peer_that_speaks_something_else_is_named():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as stranger:
        port = stranger.bind_to_random_port("tcp://127.0.0.1")
        client = Client(f"tcp://127.0.0.1:{port}", timeout_s=0.5)
        try:
            client.begin_episode(0)
            client.send([0.0])  # lets the hello go out as soon as there is a connection
            while not stranger.poll(0):
                client.poll(0.05)
            address, _ = stranger.recv_multipart()
            stranger.send_multipart((address, b"hello yourself"))
            with pytest.raises(ProtocolError, match="cannot be read") as caught:
                client.poll(5.0)
            assert not isinstance(caught.value, RefusedError)
        finally:
            client.close()
