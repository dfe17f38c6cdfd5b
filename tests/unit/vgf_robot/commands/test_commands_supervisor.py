"""What a service manager is told, with a socket of its kind in its place."""

import secrets
import socket

import pytest

from tests.clocks import MS, FakeClock
from vgf_robot.commands.supervisor import Supervisor


@pytest.fixture
def heard(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        yield manager


@pytest.fixture
def supervise(tmp_path):
    def with_environment(clock, **environment):
        return Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), **environment}, clock)

    return with_environment


def told(manager) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_ready_with_a_status_and_stopping(heard, supervise):
    supervisor = supervise(FakeClock())
    supervisor.ready("serving arm at tcp://127.0.0.1:5555")
    supervisor.stopping()
    assert told(heard) == ["READY=1\nSTATUS=serving arm at tcp://127.0.0.1:5555", "STOPPING=1"]


def test_a_sign_of_life_comes_four_times_in_the_time_there_is(heard, supervise):
    clock = FakeClock()
    supervisor = supervise(clock, WATCHDOG_USEC="2000000")
    for _ in range(40):  # a beat every 100 ms, for 4 s
        supervisor.beat(clock())
        clock.advance(100 * MS)
    assert told(heard) == ["WATCHDOG=1"] * 8


@pytest.mark.parametrize("patience", [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}])
def test_without_a_watchdog_there_is_no_sign_of_life(heard, supervise, patience):
    clock = FakeClock()
    supervisor = supervise(clock, **patience)
    for _ in range(10):
        clock.advance(10_000 * MS)
        supervisor.beat(clock())
    assert told(heard) == []


def test_a_reload_is_told_with_the_time_and_so_is_its_end(heard, supervise):
    clock = FakeClock(now_ns=5_000_000)
    supervisor = supervise(clock)
    supervisor.reloading()
    assert told(heard) == ["RELOADING=1\nMONOTONIC_USEC=5000"]
    supervisor.beat(clock(), reloading=True)
    assert told(heard) == []
    supervisor.beat(clock(), reloading=False)
    supervisor.beat(clock(), reloading=False)
    assert told(heard) == ["READY=1"]


def test_an_abstract_socket_is_one_too():
    name = f"vgf-robot-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.setblocking(False)
        Supervisor({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert told(manager) == ["STOPPING=1"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_nothing_is_opened_and_nothing_said(environment, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a socket was opened"))
    supervisor = Supervisor({**environment, "WATCHDOG_USEC": "1000"}, FakeClock())
    supervisor.ready("serving")
    supervisor.reloading()
    supervisor.beat(10**12)
    supervisor.stopping()


def test_a_manager_that_is_gone_or_does_not_read_stops_nobody(heard, supervise, tmp_path):
    supervisor = supervise(FakeClock(), WATCHDOG_USEC="4")
    for now_ns in range(0, 10_000_000, 1000):  # more than the socket's queue holds
        supervisor.beat(now_ns)
    assert 0 < len(told(heard)) < 10_000
    (tmp_path / "notify").unlink()
    supervisor.beat(20_000_000)
    supervisor.stopping()
