"""Which endpoints a server may bind, and what ZeroMQ would do silently if nobody looked."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path

import zmq

from vgf_robot.errors import ConfigError, MachineError

FORMS = "tcp://127.0.0.1:PORT, tcp://127.0.0.1:* for a free port, or ipc://PATH"


def check_bind(endpoint: str, *, insecure: bool, keys: bool = False) -> str:
    """Return the endpoint as ZeroMQ wants it.

    Args:
        endpoint: What the user gave.
        insecure: Whether the user spelled out that strangers may connect.
        keys: Whether it asks whoever connects for a key.

    Raises:
        ConfigError: Not an endpoint, a bind beyond this machine with neither keys nor `insecure`, keys together with
            `insecure`, or a path that is another file.
        MachineError: A server answers at this path already.
    """
    if keys and insecure:
        raise ConfigError("--insecure says to do without keys, and --keys names some; leave one of them out.")
    transport, found, address = endpoint.partition("://")
    if not found or transport not in ("tcp", "ipc") or not address:
        raise ConfigError(f"'{endpoint}' is no endpoint to bind; expected {FORMS}.")
    if transport == "ipc":
        _check_path(address)
        return endpoint
    host, _, port = address.rpartition(":")
    if not host or not (port == "*" or (port.isdecimal() and int(port) < 65536)):
        raise ConfigError(f"'{endpoint}' does not end in a port number or '*'; expected {FORMS}.")
    # ZeroMQ binds numeric addresses and interface names; 'localhost' would be taken for an interface.
    host = "127.0.0.1" if host == "localhost" else host
    if not (_is_loopback(host) or keys or insecure):
        raise ConfigError(
            f"'{endpoint}' can be reached from other machines, and there are no keys: anyone there could command the "
            "robot; make keys (`vgf-robot keygen`) and say --keys, bind 127.0.0.1, or say --insecure."
        )
    return f"tcp://{host}:{port}"


def bind(server: zmq.Socket[bytes], endpoint: str) -> str:
    """Bind, and return the endpoint with the real port.

    Raises:
        MachineError: The address is in use or not this machine's.
        ConfigError: ZeroMQ does not understand the endpoint.
    """
    # Only this user may write to an ipc socket; tcp ignores the mask.
    previous = os.umask(0o177)
    try:
        server.bind(endpoint)
    except zmq.ZMQError as error:
        if error.errno == errno.EADDRINUSE:
            raise MachineError(
                f"{endpoint} is in use: another server runs there; stop it, or bind another port "
                "(tcp://127.0.0.1:* takes a free one)."
            ) from error
        if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EACCES):
            raise MachineError(f"{endpoint} cannot be bound on this machine: {error}.") from error
        raise ConfigError(f"'{endpoint}' cannot be bound: {error}; expected {FORMS}.") from error
    finally:
        os.umask(previous)
    return server.getsockopt_string(zmq.LAST_ENDPOINT)


def reaches_beyond_this_machine(endpoint: str) -> bool:
    """Whether other machines can connect to a checked endpoint."""
    transport, _, address = endpoint.partition("://")
    return transport == "tcp" and not _is_loopback(address.rpartition(":")[0])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_path(path: str) -> None:
    """ZeroMQ unlinks whatever lies at an ipc path and binds there: refuse to lose a file or a running server."""
    if path.startswith("@") or not os.path.lexists(path):  # '@' is Linux's abstract namespace: no file
        return
    if not stat.S_ISSOCK(Path(path).lstat().st_mode):
        raise ConfigError(f"ipc://{path} is a file that is no socket; choose another path or remove it.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:  # nobody listens: left behind by a server that was killed
            return
    raise MachineError(f"ipc://{path} is in use: another server runs there; stop it, or bind another path.")
