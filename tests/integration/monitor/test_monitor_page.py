"""The page in a browser, on a server that a robot uses: it reads, and acts once it has the token."""

import re
import select
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from tests.bundles import make_bundle
from tests.integration.monitor.browsers import browsing
from tests.integration.serve.servers import ENVIRONMENT, OBSERVATION, PATIENCE_S, VERB, serving
from vgf_robot.control import ControlClient
from vgf_robot.telemetry import Subscriber, TickRecord
from vgf_robot.wire import Client

pytestmark = pytest.mark.realtime


class Watched:
    """A server that is asked without a pause, and a monitor of it."""

    def __init__(self, folder):
        self.bundle = make_bundle(folder / "bundle", max_steps=3)
        self.telemetry, self.control = f"ipc://{folder}/telemetry.sock", f"ipc://{folder}/control.sock"
        self.url = self.token = ""


@contextmanager
def watched(folder):
    machine = Watched(folder)
    options = ("--control", machine.control, "--telemetry", machine.telemetry)
    with serving(machine.bundle, *options, announced=f"control at {machine.control}") as served:
        done = threading.Event()
        robot = threading.Thread(target=ask, args=(served.endpoint, done))
        robot.start()
        try:
            with monitoring(machine) as process:
                machine.process = process
                yield machine
        finally:
            done.set()
            robot.join()


def ask(endpoint, done):
    with Client(endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        while not done.wait(0.02):
            client.act(OBSERVATION, deadline_s=PATIENCE_S)


@contextmanager
def monitoring(machine):
    command = [sys.executable, "-c", VERB, "monitor", "--telemetry", machine.telemetry, "--control", machine.control]
    command += ["--bundle", str(machine.bundle), "--port", "0"]
    environment = {**ENVIRONMENT, "MUJOCO_GL": "disable"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment) as process:
        try:
            machine.token = _line(process).removeprefix("one-time token for the sliders: ").strip()
            machine.url = _line(process).removeprefix("page at ").strip()
            yield process
        finally:
            process.kill()


def _line(process):
    assert select.select([process.stdout], [], [], PATIENCE_S)[0], "no line from the monitor"
    return process.stdout.readline()


def steps_until(endpoint, wanted):
    """Return the first tick's record that is as wanted."""
    give_up_s = time.monotonic() + PATIENCE_S
    with Subscriber(endpoint) as subscriber:
        while time.monotonic() < give_up_s:
            stamped = subscriber.receive(1000)
            if stamped is not None and isinstance(stamped.record, TickRecord) and wanted(stamped.record):
                return stamped.record
    raise AssertionError("no such tick")


def drag_to_the_left(page, slider):
    thumb = slider.bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for way in (20, 60, 120, 200, 400):
        page.mouse.move(max(1, x - way), y)
    page.mouse.up()


def test_a_dragged_slider_is_followed_by_the_controller_and_only_after_the_token(tmp_path):
    with watched(tmp_path) as machine, browsing(tmp_path / "profile") as open_page:
        page = open_page()
        page.goto(machine.url)
        page.get_by_text("ticks per second").wait_for()
        page.get_by_text("Locked: this page only reads.").wait_for()
        assert page.get_by_role("slider").count() == 0  # those that are greyed out are not offered
        page.get_by_role("textbox").first.fill("not the token")
        page.get_by_role("button", name="unlock").click()
        page.get_by_text("That is not the token at the terminal.").wait_for()
        with ControlClient(machine.control, timeout_s=PATIENCE_S) as operator:
            assert operator.state().ceilings.max_steps is None
        assert steps_until(machine.telemetry, lambda tick: True).steps == 3

        page.get_by_role("textbox").first.fill(machine.token)
        page.get_by_role("button", name="unlock").click()
        page.get_by_text("Locked: this page only reads.").wait_for(state="detached")
        drag_to_the_left(page, page.get_by_role("slider").first)
        followed = steps_until(machine.telemetry, lambda tick: tick.steps == 0)
        assert followed.point.max_steps == 0
        page.get_by_text(re.compile("0 steps of 0.05")).wait_for()

        another = open_page()
        another.goto(machine.url)
        another.get_by_text("Locked: this page only reads.").wait_for()
        another.get_by_role("textbox").first.fill(machine.token)  # spent
        another.get_by_role("button", name="unlock").click()
        another.get_by_text("That is not the token at the terminal.").wait_for()
