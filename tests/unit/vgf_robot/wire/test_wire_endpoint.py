import socket

import pytest
import zmq

from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.wire.endpoint import bind, check_bind, reaches_beyond_this_machine


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        ("tcp://localhost:*", "tcp://127.0.0.1:*"),
        ("tcp://127.3.2.1:0", "tcp://127.3.2.1:0"),
        ("tcp://[::1]:5555", "tcp://[::1]:5555"),
        ("ipc://@name", "ipc://@name"),
    ],
)
def test_this_machine_alone_is_fine(given, bound):
    assert check_bind(given, insecure=False) == bound
    assert not reaches_beyond_this_machine(bound)


@pytest.mark.parametrize(
    "endpoint", ["tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://192.168.1.5:1", "tcp://eth0:1", "tcp://[::]:5555"]
)
def test_a_wider_bind_is_refused_unless_spelled_out(endpoint):
    with pytest.raises(ConfigError, match="--insecure"):
        check_bind(endpoint, insecure=False)
    assert reaches_beyond_this_machine(check_bind(endpoint, insecure=True))
    assert check_bind(endpoint, insecure=False, keys=True) == check_bind(endpoint, insecure=True)
    with pytest.raises(ConfigError, match="leave one of them out"):
        check_bind(endpoint, insecure=True, keys=True)


@pytest.mark.parametrize(
    "endpoint",
    ["", "5555", "127.0.0.1:5555", "udp://127.0.0.1:1", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:http",
     "tcp://127.0.0.1:70000", "tcp://:5555", "ipc://", "inproc://x"],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused_with_what_would_be(endpoint):
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:PORT"):
        check_bind(endpoint, insecure=True)


def test_an_ipc_path_that_is_a_file_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("keep")
    with pytest.raises(ConfigError, match="no socket"):
        check_bind(f"ipc://{path}", insecure=False)
    assert path.read_text() == "keep"


def test_an_ipc_path_where_a_server_listens_is_in_use(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(MachineError, match="in use"):
            check_bind(f"ipc://{path}", insecure=False)
    # What a killed server leaves behind is no obstacle.
    assert check_bind(f"ipc://{path}", insecure=False)


def test_binding_tells_the_real_port_and_a_port_in_use(tmp_path):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as first, context.socket(zmq.ROUTER) as second:
        endpoint = bind(first, "tcp://127.0.0.1:*")
        assert int(endpoint.rpartition(":")[2]) > 0
        with pytest.raises(MachineError, match="in use"):
            bind(second, endpoint)


def test_an_ipc_socket_is_its_owners_alone(tmp_path):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        bind(router, f"ipc://{tmp_path}/s")
        assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_what_zeromq_does_not_take_is_an_error_of_ours(tmp_path):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        with pytest.raises(ConfigError):
            bind(router, f"ipc://{tmp_path}/{'x' * 200}")
        with pytest.raises(MachineError):
            bind(router, "tcp://nosuchinterface:5555")
