"""A loop that is killed, stands still, or has a sensor hang up in the middle of a message."""

import json
import re
import signal
import socket
import time

import pytest

from tests.integration.drive.robots import PATIENCE_S, SAFE, action_of, driving, listening, sensing
from tests.integration.zmtp import GREETING, HALF_A_MESSAGE, ready
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Rung
from vgf_robot.drive import Receiver
from vgf_robot.engagement import EngagementState

pytestmark = pytest.mark.realtime

PERIOD_S = 0.05


def fresh(command) -> bool:
    return command.rung is Rung.TRANSPORT


def test_a_loop_that_stood_still_skips_what_it_missed_and_goes_on(make_bundle_of, forgiving, tmp_path):
    written = tmp_path / "drive.json"
    bundle = make_bundle_of("absolute")
    receiver = Receiver(Bundle.load(bundle).manifest)
    with (
        driving(bundle, "--config", str(forgiving), "--json", str(written)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        before = robot.until(fresh)
        loop.process.send_signal(signal.SIGSTOP)
        last = [before, *robot.rest()][-1]
        receiver.take(action_of(last), valid_for_ns=1000 * last.valid_for_us, now_ns=time.monotonic_ns())
        time.sleep(1.0)
        assert tuple(receiver.without(time.monotonic_ns())) == SAFE  # the robot has long stopped using it
        continued_s = time.monotonic()
        loop.process.send_signal(signal.SIGCONT)
        following = [robot.next() for _ in range(10)]
        # At most one per period since then, and the one that was on its way: nothing is made up for.
        assert len(following) <= (time.monotonic() - continued_s) / PERIOD_S + 3
        sequences = [command.sequence for command in following]
        # The socket keeps the newest command alone: that which was on its way at the stop may have been replaced.
        assert sequences[0] - last.sequence in {1, 2}
        assert sequences == list(range(sequences[0], sequences[0] + 10))
        assert robot.until(fresh).state is EngagementState.ENGAGED
        assert loop.end(signal.SIGTERM)[0] == 0
    row = json.loads(written.read_text())["rows"][0]
    assert row["skipped"] >= 0.9 / PERIOD_S
    assert row["state"] == "engaged"


def test_a_loop_that_was_killed_is_replaced_by_one_that_engages_nobody(make_bundle_of, forgiving, tmp_path):
    bundle = make_bundle_of("velocity")
    standing_by = tmp_path / "standing_by.yaml"
    standing_by.write_text(re.sub("engage: true", "engage: false", forgiving.read_text()))
    written = tmp_path / "drive.json"
    with (
        driving(bundle, "--config", str(forgiving)) as loop,
        sensing(loop.observations),
        listening(loop.commands) as robot,
    ):
        robot.until(fresh)
        loop.process.kill()
        loop.process.wait(PATIENCE_S)
        robot.rest()
        places = ("--observations", loop.observations, "--commands", loop.commands)
        options = ("--config", str(standing_by), "--seconds", "1", "--json", str(written))
        with driving(bundle, *options, *places) as successor:
            assert successor.process.wait(PATIENCE_S) == 0
        assert robot.rest() == []
    row = json.loads(written.read_text())["rows"][0]
    assert (row["sent"], row["state"]) == (0, "disengaged")
    assert row["counters"]["observations"] > 0  # the sensor found it by itself


def test_a_sensor_that_hangs_up_in_the_middle_of_a_message_disturbs_nobody(make_bundle_of, forgiving):
    with (
        driving(make_bundle_of("delta"), "--config", str(forgiving)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        robot.until(fresh)
        host, port = loop.observations.removeprefix("tcp://").rsplit(":", 1)
        for said in (GREETING[:5], GREETING, GREETING + ready("PUB"), GREETING + ready("PUB") + HALF_A_MESSAGE):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:
                peer.sendall(said)
                if said != GREETING[:5]:
                    assert peer.recv(1)  # the loop has said its own greeting
            before = robot.next()
            robot.until(lambda command, later=before.sequence + 2: command.sequence > later and fresh(command))
        assert loop.end(signal.SIGTERM)[0] == 0
