"""Robots that are killed, stopped, or live in another time: the server and the others go on."""

import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import ENVIRONMENT, OBSERVATION, PATIENCE_S, expect_service, serving
from vgf_robot.controller import Rung
from vgf_robot.wire import Client, ServerFaultError

pytestmark = pytest.mark.realtime

# A robot's loop in a process of its own: says after every step what came of it, and how long the way took.
ROBOT = """
import sys
import numpy as np
from vgf_robot.wire import Client, RobotLink
with RobotLink(Client(sys.argv[1], name="robot"), wait_s=float(sys.argv[2])) as link:
    link.begin_episode(seed=0)
    while True:
        step = link.step(np.array([0.4, -0.2, 0.1], np.float32))
        way_ns = 0 if step.answer is None else step.answer.transport_ns
        print(step.source.value, way_ns, type(step.trouble).__name__, flush=True)
"""


class Robot:
    def __init__(self, process) -> None:
        self.process = process

    def line(self) -> str:
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "no line from the robot"
        return self.process.stdout.readline().strip()

    def until(self, wanted: str) -> list[str]:
        """Read until a line begins like this; return all that was read."""
        lines = [self.line()]
        give_up_s = time.monotonic() + PATIENCE_S
        while not lines[-1].startswith(wanted):
            assert time.monotonic() < give_up_s, lines[-5:]
            lines.append(self.line())
        return lines


@contextmanager
def robot(endpoint, wait_s):
    command = [sys.executable, "-c", ROBOT, endpoint, str(wait_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1, env=ENVIRONMENT) as process:
        try:
            yield Robot(process)
        finally:
            process.kill()


def test_a_robot_that_is_killed_makes_room_for_the_next(bundle, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text("max_clients: 1\nevict_silent_s: 0.05\nidle_s: 3600.0\nengagement: {blend_s: 0}\n")
    with serving(bundle, "--config", str(settings)) as served:
        for _ in range(2):
            with robot(served.endpoint, PATIENCE_S) as killed:
                killed.until("standby")  # its session is its own, and not engaged
                killed.process.kill()
                killed.process.wait(PATIENCE_S)
        other = Client(served.endpoint, timeout_s=PATIENCE_S)
        give_up_s = time.monotonic() + PATIENCE_S
        while not (answer := asked(other)):
            assert time.monotonic() < give_up_s
        assert answer.episode_tick == 1
        other.close()
        assert served.process.poll() is None


def asked(client):
    """Ask once; None where there is no room yet."""
    client.begin_episode(seed=0)
    try:
        return client.act(OBSERVATION, deadline_s=PATIENCE_S)
    except ServerFaultError:
        return None


def test_an_answer_that_waited_while_the_robot_stood_still_is_not_used(tmp_path):
    bundle = make_bundle(tmp_path / "bundle", action_kind="absolute", safe_action=(1.5, 1.5))
    with serving(bundle, slow_s=0.3) as served, robot(served.endpoint, PATIENCE_S) as stopped:
        give_up_s = time.monotonic() + PATIENCE_S
        lines = []
        while not any("AnswerExpiredError" in line for line in lines):
            assert served.line() == "ticking\n"
            stopped.process.send_signal(signal.SIGSTOP)
            time.sleep(0.8)  # the answer comes meanwhile, and is valid for 0.1 s
            stopped.process.send_signal(signal.SIGCONT)
            lines.append(stopped.line())
            assert time.monotonic() < give_up_s, lines
        lines += stopped.until("answer")
        assert all(int(line.split()[1]) < 100_000_000 for line in lines)
        expect_service(served.endpoint)


@pytest.mark.parametrize("off_s", [-3600, 3600])
def test_a_clock_that_is_an_hour_off_changes_nothing(server, off_s):
    """No message carries a time of day or a reading of anybody's clock."""
    start_ns = 10**13  # monotonic clocks do not go below 0

    def clock() -> int:
        return start_ns + time.monotonic_ns() + off_s * 10**9

    with Client(server.endpoint, timeout_s=PATIENCE_S, clock=clock) as client:
        client.begin_episode(seed=0)
        for _ in range(3):
            answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
            assert answer.command.rung is Rung.TRANSPORT
            assert 0 < answer.transport_ns < PATIENCE_S * 1e9
