import subprocess
import sys

import pytest
import zmq

from vgf_robot.errors import ConfigError, ProtocolError
from vgf_robot.wire import Client, NoServerError, RefusedError, ServerBusyError

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
