"""The process itself: where it may listen, and how it ends."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.integration.drive.robots import (
    ENVIRONMENT,
    PATIENCE_S,
    SAFE,
    VERB,
    action_of,
    driving,
    listening,
    sensing,
)
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Reason, Rung
from vgf_robot.drive import Receiver
from vgf_robot.engagement import EngagementState

pytestmark = pytest.mark.realtime


def refused(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", VERB, "drive", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=ENVIRONMENT)


def test_observations_become_commands_and_the_last_one_is_safe(make_bundle_of, forgiving, tmp_path):
    written = tmp_path / "drive.json"
    with (
        driving(make_bundle_of("velocity"), "--config", str(forgiving), "--json", str(written)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations, stamp_ns=7),
    ):
        fresh = robot.until(lambda command: command.rung is Rung.TRANSPORT)
        assert (fresh.state, fresh.observation_stamp_ns, fresh.valid_for_us) == (EngagementState.ENGAGED, 7, 100_000)
        following = robot.next()
        assert following.sequence > fresh.sequence
        code, said = loop.end(signal.SIGTERM)
        last = robot.rest()[-1]
    assert code == 0
    assert "ended engaged" in said
    assert (last.reason, last.rung, last.observation_sequence) == (Reason.ENDING, Rung.SAFE, None)
    assert tuple(action_of(last)) == SAFE
    row = json.loads(written.read_text())["rows"][0]
    assert row["sent"] == last.sequence + 1
    assert row["state"] == "engaged"
    assert row["counters"]["observations"] > 0


def test_an_interrupt_is_said_in_the_exit_code(make_bundle_of):
    with driving(make_bundle_of("delta"), "--release", "on-grid") as loop:
        assert loop.end(signal.SIGINT)[0] == 130


def test_disengaged_nothing_is_sent(make_bundle_of, tmp_path):
    written = tmp_path / "drive.json"
    options = ("--seconds", "1", "--json", str(written))
    with (
        driving(make_bundle_of("delta"), *options) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        assert loop.process.wait(PATIENCE_S) == 0
        assert robot.rest() == []
    row = json.loads(written.read_text())["rows"][0]
    assert (row["sent"], row["state"]) == (0, "disengaged")
    assert row["waiting"] + row["periods"] >= 19


@pytest.mark.parametrize("option", ["--observations", "--commands"])
def test_a_wide_endpoint_is_refused(make_bundle_of, option):
    wide = refused(str(make_bundle_of("delta")), option, "tcp://0.0.0.0:*")
    assert wide.returncode == 2
    assert "--insecure" in wide.stderr
    assert wide.stderr.count("\n") == 1


def test_a_port_in_use_is_a_fault_of_the_machine(make_bundle_of):
    bundle = make_bundle_of("delta")
    with driving(bundle) as loop:
        second = refused(str(bundle), "--observations", loop.observations)
    assert second.returncode == 3
    assert "in use" in second.stderr


def test_a_robot_knows_on_its_own_clock_when_a_command_left(make_bundle_of, forgiving):
    bundle = make_bundle_of("absolute")
    receiver = Receiver(Bundle.load(bundle).manifest)
    began_ns = time.monotonic_ns()
    with (
        driving(bundle, "--config", str(forgiving)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        commands = [robot.until(lambda command: command.rung is Rung.TRANSPORT) for _ in range(5)]
    moments_ns = [began_ns, *(command.sent_ns for command in commands), time.monotonic_ns()]
    assert moments_ns == sorted(moments_ns)
    for command in commands:  # a robot that stood still reads them later
        valid = {"valid_for_ns": 1000 * command.valid_for_us, "sent_ns": command.sent_ns}
        late_ns = command.sent_ns + valid["valid_for_ns"]
        assert tuple(receiver.take(action_of(command), now_ns=late_ns, **valid)) == SAFE
        assert receiver.take(action_of(command), now_ns=late_ns - 1, **valid).tolist() == action_of(command).tolist()


def test_the_action_of_a_loop_that_was_killed_expires(make_bundle_of, forgiving):
    bundle = make_bundle_of("absolute")
    receiver = Receiver(Bundle.load(bundle).manifest)
    with (
        driving(bundle, "--config", str(forgiving)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
    ):
        before = robot.until(lambda command: command.rung is Rung.TRANSPORT)
        loop.process.kill()
        loop.process.wait(PATIENCE_S)
        last = [before, *robot.rest()][-1]
        came_ns = time.monotonic_ns()
        receiver.take(action_of(last), valid_for_ns=1000 * last.valid_for_us, now_ns=came_ns)
        assert receiver.without(came_ns).tolist() == action_of(last).tolist()
        give_up_s = time.monotonic() + PATIENCE_S
        while not receiver.expired(time.monotonic_ns()):
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        assert tuple(receiver.without(time.monotonic_ns())) == SAFE
        assert robot.rest(0) == []
