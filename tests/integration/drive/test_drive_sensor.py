"""A sensor that stops, talks nonsense, or lives in another time."""

import json
import signal
import time

import msgspec
import pytest
import zmq

from tests.integration.drive.robots import PATIENCE_S, SAFE, action_of, driving, listening, sensing
from vgf_robot.control import ControlClient
from vgf_robot.controller import Reason, Rung
from vgf_robot.engagement import EngagementState

pytestmark = pytest.mark.realtime

HOUR_US = 3_600_000_000


def fresh(command) -> bool:
    return command.rung is Rung.TRANSPORT


def test_a_sensor_that_stops_for_a_second_sends_the_robot_down_the_ladder_and_back(make_bundle_of, forgiving):
    with (
        driving(make_bundle_of("velocity"), "--config", str(forgiving)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations) as sensor,
    ):
        robot.until(fresh)
        sensor.send_signal(signal.SIGSTOP)
        stale = robot.until(lambda command: command.reason is Reason.STALE_OBSERVATION)
        assert (stale.rung, tuple(action_of(stale))) == (Rung.SAFE, SAFE)
        robot.until(lambda command: command.sequence >= stale.sequence + 20)
        sensor.send_signal(signal.SIGCONT)
        assert robot.until(fresh).state is EngagementState.ENGAGED


def test_a_sensor_that_stops_for_long_is_a_fault_that_its_return_does_not_clear(make_bundle_of, strict):
    with (
        driving(make_bundle_of("velocity"), "--config", str(strict)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations) as sensor,
    ):
        robot.until(fresh)
        sensor.send_signal(signal.SIGSTOP)
        robot.until(lambda command: command.state is EngagementState.FAULT)
        sensor.send_signal(signal.SIGCONT)
        back = robot.until(fresh)
        assert (back.state, tuple(action_of(back))) == (EngagementState.FAULT, SAFE)
        later = robot.until(lambda command: command.sequence > back.sequence + 5)
        assert (later.state, tuple(action_of(later))) == (EngagementState.FAULT, SAFE)
        code, said = loop.end(signal.SIGTERM)
    assert code == 1
    assert "fault: No usable observation for 10 control periods in a row" in said


def test_a_sensor_that_comes_back_as_a_new_process_is_heard_when_somebody_engages_again(
    make_bundle_of, forgiving, tmp_path
):
    control = f"ipc://{tmp_path}/control.sock"
    with (
        driving(make_bundle_of("delta"), "--config", str(forgiving), "--control", control) as loop,
        listening(loop.commands) as robot,
        ControlClient(control, timeout_s=PATIENCE_S) as operator,
    ):
        with sensing(loop.observations, run=1, stamp_ns=1):
            assert robot.until(fresh).observation_stamp_ns == 1
        robot.until(lambda command: command.reason is Reason.STALE_OBSERVATION)
        with sensing(loop.observations, run=2, stamp_ns=2):
            give_up_s = time.monotonic() + PATIENCE_S
            while "other_senders" not in operator.state().counters:
                assert time.monotonic() < give_up_s
            stale = robot.rest(0)[-1]
            assert (stale.state, stale.reason) == (EngagementState.ENGAGED, Reason.STALE_OBSERVATION)
            operator.instruct("disengage")
            operator.instruct("engage")
            assert robot.until(fresh).observation_stamp_ns == 2


NONSENSE = {
    "empty": [b""],
    "garbage": [b"\xff\x00\x01"],
    "nested": [b"\x91" * 60_000],
    "frames": [b"a", b"b", b"c"],
    "large": [bytes(2_000_000)],
    "version": [msgspec.msgpack.encode({"type": "observation", "version": 9, "sequence": 1})],
    "shape": [
        msgspec.msgpack.encode(
            {
                "type": "observation",
                "version": 1,
                "sequence": 10**9,
                "observation": {"dtype": "<f4", "shape": [2], "data": bytes(8)},
            }
        )
    ],
    "nan": [
        msgspec.msgpack.encode(
            {
                "type": "observation",
                "version": 1,
                "sequence": 10**9,
                "observation": {"dtype": "<f4", "shape": [3], "data": b"\x00\x00\xc0\x7f" * 3},
            }
        )
    ],
}


def test_nonsense_is_counted_and_disturbs_nobody(make_bundle_of, forgiving, tmp_path):
    written = tmp_path / "drive.json"
    with (
        driving(make_bundle_of("delta"), "--config", str(forgiving), "--json", str(written)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations),
        zmq.Context() as context,
    ):
        robot.until(fresh)
        for frames in NONSENSE.values():
            with context.socket(zmq.XPUB) as stranger:
                stranger.setsockopt(zmq.LINGER, 0)
                stranger.connect(loop.observations)
                assert stranger.poll(1000 * PATIENCE_S), "the loop did not subscribe"
                stranger.send_multipart(frames)
                before = robot.next()
                robot.until(lambda command, later=before.sequence + 3: command.sequence > later and fresh(command))
        assert loop.end(signal.SIGTERM)[0] == 0
    counters = json.loads(written.read_text())["rows"][0]["counters"]
    assert {"error.malformed", "error.wrong_version", "error.wrong_shape", "error.non_finite"} <= set(counters)


@pytest.mark.parametrize("off_s", [-3600, 3600])
def test_a_clock_that_is_an_hour_off_changes_nothing(make_bundle_of, tmp_path, off_s):
    stamp_ns = time.time_ns() + off_s * 10**9
    path = tmp_path / "drive.yaml"
    path.write_text("engage: true\nengagement: {blend_s: 0, max_stale_periods: 1000, max_fallback_periods: 1000}\n")
    with (
        driving(make_bundle_of("delta"), "--config", str(path)) as loop,
        listening(loop.commands) as robot,
        sensing(loop.observations, stamp_ns=stamp_ns),
    ):
        commands = [robot.until(fresh) for _ in range(5)]
    assert {command.observation_stamp_ns for command in commands} == {stamp_ns}


def test_an_age_of_an_hour_is_believed(make_bundle_of, tmp_path):
    path = tmp_path / "drive.yaml"
    path.write_text("engage: true\nengagement: {blend_s: 0, max_stale_periods: 3}\n")
    written = tmp_path / "drive.json"
    with (
        driving(make_bundle_of("delta"), "--config", str(path), "--json", str(written)) as loop,
        sensing(loop.observations, age_us=HOUR_US),
    ):
        assert loop.line() == (
            "fault: First action: expected a fresh one, found the rung 'safe' (stale_observation); engage when "
            "observations come and ticks are in time.\n"
        )
        assert loop.end(signal.SIGTERM)[0] == 1
    row = json.loads(written.read_text())["rows"][0]
    assert row["stale"] == row["periods"]
    assert row["sent"] == 0
