"""What a real process asks of the system: its cores, its priorities, and no threads that nobody needs."""

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.drive.robots import driving, listening, sensing
from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, expect_service, serving
from tests.unit.vgf_robot.security.keyrings import Keyring
from vgf_robot.wire import Client

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(sys.platform != "linux", reason="cores are chosen on Linux only"),
]

# The verb, which names its Python threads when it is asked to.
NAMING = """
import signal, sys, threading
from vgf_robot.commands import serve
def name(*_):
    print("threads:", ",".join(thread.name for thread in threading.enumerate()), flush=True)
signal.signal(signal.SIGUSR1, name)
sys.exit(serve.main(sys.argv[1:]))
"""
# The verb, which says whenever it ticks.
TICKING = """
import sys
from vgf_robot.commands import serve
from vgf_robot.controller import Controller
tick = Controller.tick
def spoken(self, *arguments, **named):
    print("ticking", flush=True)
    return tick(self, *arguments, **named)
Controller.tick = spoken
sys.exit(serve.main(sys.argv[1:]))
"""
TRY_FIFO = "import os; os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(3))"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def tasks(process) -> dict[int, str]:
    """The threads of a process, by number."""
    folder = Path(f"/proc/{process.pid}/task")
    return {int(task.name): (task / "comm").read_text().strip() for task in folder.iterdir()}


def woken(process) -> dict[str, int]:
    """How often each thread but the main one and ZeroMQ's has run: a library may have one that sleeps."""
    folder = Path(f"/proc/{process.pid}/task")
    others = [str(number) for number, name in tasks(process).items() if not name.startswith("ZMQbg")]
    statuses = {number: (folder / number / "status").read_text() for number in others if number != str(process.pid)}
    return {number: sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", text))) for number, text in statuses.items()}


def test_a_server_on_a_chosen_core_says_so_and_serves(bundle):
    core = min(os.sched_getaffinity(0))
    with serving(bundle, "--cores", str(core)) as served:
        said = served.process.stdout.readline()
        assert said == f"real time: ordinary priority, cores {core}, memory not locked, garbage frozen\n"
        threads = tasks(served.process)
        assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset({core})}
        expect_service(served.endpoint)


def test_under_fifo_the_threads_of_the_network_come_before_the_ticks(bundle):
    if subprocess.run([sys.executable, "-c", TRY_FIFO], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("SCHED_FIFO is not permitted here")
    with serving(bundle, "--fifo", "2") as served:
        expect_service(served.endpoint)
        threads = tasks(served.process)
        moving = {number for number, name in threads.items() if name.startswith("ZMQbg")}
        policies = {number: os.sched_getscheduler(number) & ~os.SCHED_RESET_ON_FORK for number in threads}
        priorities = {number: os.sched_getparam(number).sched_priority for number in threads}
    assert set(policies.values()) == {os.SCHED_FIFO}
    assert {priorities[number] for number in moving} == {3}
    assert {priorities[number] for number in threads.keys() - moving} == {2}


def test_a_server_with_all_its_sockets_has_one_python_thread_and_no_other_runs_beside_the_networks(bundle, tmp_path):
    keyring = Keyring(tmp_path / "keys")
    keyring.list(robot="act")
    control = f"ipc://{tmp_path}/control.sock"
    options = ("--keys", str(keyring.server), "--control", control, "--telemetry", f"ipc://{tmp_path}/telemetry.sock")
    with (
        serving(bundle, *options, announced=f"control at {control}", program=(NAMING,)) as served,
        Client(served.endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")) as client,
    ):
        client.begin_episode(seed=0)
        client.act(OBSERVATION, deadline_s=PATIENCE_S)
        served.process.send_signal(signal.SIGUSR1)
        while not (line := served.process.stdout.readline()).startswith("threads: "):
            assert line
        assert line == "threads: MainThread\n"
        before = woken(served.process)
        for _ in range(20):
            client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert woken(served.process) == before


def test_in_a_loop_nothing_runs_beside_it_and_the_network(bundle, tmp_path):
    with (
        driving(bundle, "--engage", "--telemetry", f"ipc://{tmp_path}/telemetry.sock") as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        robot.next()
        before = woken(loop.process)
        for _ in range(10):
            robot.next()
        assert woken(loop.process) == before


@pytest.mark.parametrize("every_s", ["0.1", "null"])
def test_a_server_that_nobody_asks_keeps_warm_where_it_is_told_to(bundle, tmp_path, every_s):
    settings = tmp_path / "serve.yaml"
    settings.write_text(f"realtime: {{keep_warm_s: {every_s}}}\n")
    with serving(bundle, "--config", str(settings), program=(TICKING,)) as served:
        if every_s != "null":
            assert served.line().startswith("real time: ")
            assert [served.line() for _ in range(3)] == ["ticking\n"] * 3
        else:
            served.process.stdout.readline()
            assert not select.select([served.process.stdout], [], [], 0.5)[0]
        expect_service(served.endpoint)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE_S) == 0
