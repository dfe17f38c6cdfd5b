"""The real system, asked in a process of its own for what needs no permission."""

import json
import os
import subprocess
import sys

import pytest

from vgf_robot.realtime import Capability, effective_capabilities
from vgf_robot.realtime.this_system import ThisSystem

ENTER = """
import gc, json, os, threading, zmq
from vgf_robot.realtime import RealTimeSettings, enter, schedule_io_threads
stop = threading.Event()
other = threading.Thread(target=stop.wait)
other.start()
core = min(os.sched_getaffinity(0))
settings = RealTimeSettings(cores=(core,))
said = enter(settings)
with zmq.Context() as context:
    schedule_io_threads(context, settings)
    with context.socket(zmq.ROUTER) as router:
        router.bind("tcp://127.0.0.1:*")
        threads = [int(name) for name in os.listdir("/proc/self/task")]
        cores = [sorted(os.sched_getaffinity(thread)) for thread in threads]
stop.set()
other.join()
print(json.dumps({
    "said": said, "core": core, "cores": cores, "frozen": gc.get_freeze_count(), "enabled": gc.isenabled(),
    "young": gc.get_threshold()[0],
}))
"""


@pytest.mark.realtime
@pytest.mark.skipif(sys.platform != "linux", reason="priority and cores are set on Linux only")
def test_every_thread_runs_on_the_chosen_core_and_garbage_is_frozen():
    finished = subprocess.run([sys.executable, "-c", ENTER], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(finished.stdout)
    assert found["said"] == f"ordinary priority, cores {found['core']}, memory not locked, garbage frozen"
    assert len(found["cores"]) >= 4  # two of ours, ZeroMQ's two
    assert all(cores == [found["core"]] for cores in found["cores"])
    assert found["frozen"] > 0
    assert found["enabled"]
    assert found["young"] == 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_what_the_system_says_of_this_process():
    system = ThisSystem()
    assert system.is_linux
    assert os.getpid() in system.threads()
    assert system.cores() == os.sched_getaffinity(0)
    assert 0 <= system.memory_limit().soft_bytes <= system.memory_limit().hard_bytes
    assert system.virtual_bytes() > 10**6
    assert isinstance(system.may(Capability.SYS_NICE), bool)


def test_capabilities_are_read_from_the_status():
    assert effective_capabilities("Name:\tx\nCapEff:\t0000000000804000\nCapBnd:\t00\n") == 1 << 23 | 1 << 14
    assert effective_capabilities("") == 0
