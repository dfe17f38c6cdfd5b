"""Receiver, histogram and messages."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bundles import make_bundle
from tests.clocks import MS
from tests.commands import make_command
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Reason
from vgf_robot.drive import (
    VERSION,
    DriveCommand,
    Histogram,
    ObservationMessage,
    Receiver,
    Sensed,
    decode_command,
    decode_observation,
    open_ports,
    ports,
)
from vgf_robot.drive.messages import encode_command
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import MachineError
from vgf_robot.wire import ErrorKind, RefusedError, pack

SAFE = [0.25, -0.5]
ACTION = np.array([1.0, 2.0], np.float32)


def make_receiver(folder, kind) -> Receiver:
    return Receiver(Bundle.load(make_bundle(folder, action_kind=kind, safe_action=tuple(SAFE))).manifest)


def test_an_absolute_action_is_held_until_it_expires(tmp_path):
    receiver = make_receiver(tmp_path, "absolute")
    assert receiver.expired(0)
    assert receiver.without(0).tolist() == SAFE
    assert receiver.take(ACTION, valid_for_ns=100 * MS, now_ns=7 * MS) is ACTION
    assert receiver.without(106 * MS) is ACTION
    assert receiver.expired(107 * MS)
    assert receiver.without(107 * MS).tolist() == SAFE


def test_an_action_that_was_read_late_is_valid_from_when_it_left_the_loop(tmp_path):
    receiver = make_receiver(tmp_path, "absolute")
    valid = {"valid_for_ns": 100 * MS}
    # A robot that stood still for a second reads what came meanwhile, the oldest first.
    for sent_ms in (0, 500, 900):
        assert receiver.take(ACTION, now_ns=1000 * MS, sent_ns=sent_ms * MS, **valid).tolist() == SAFE
        assert receiver.expired(1000 * MS)
    assert receiver.take(ACTION, now_ns=1000 * MS, sent_ns=901 * MS, **valid) is ACTION
    assert receiver.without(1000 * MS) is ACTION
    assert receiver.expired(1001 * MS)
    other = ACTION + 1
    receiver.take(ACTION, now_ns=1010 * MS, sent_ns=1009 * MS, **valid)
    assert receiver.take(other, now_ns=1020 * MS, sent_ns=0, **valid) is ACTION  # as if it had not come


def test_a_stamp_from_the_future_makes_nothing_valid_for_longer(tmp_path):
    receiver = make_receiver(tmp_path, "absolute")
    receiver.take(ACTION, valid_for_ns=100 * MS, now_ns=0, sent_ns=10**18)
    assert receiver.expired(100 * MS)


@pytest.mark.parametrize("kind", ["delta", "velocity", "torque"])
def test_what_would_move_the_robot_again_is_never_held(tmp_path, kind):
    receiver = make_receiver(tmp_path, kind)
    receiver.take(ACTION, valid_for_ns=100 * MS, now_ns=0)
    assert receiver.without(1).tolist() == SAFE


def test_a_histogram_without_durations_has_no_summary():
    assert Histogram().summary_ms() is None
    assert Histogram().quantile_ns(0.5) == 0


@given(durations=st.lists(st.integers(0, 2**43), min_size=1, max_size=200), share=st.floats(0.01, 1.0))
def test_quantiles_are_right_to_three_per_cent_and_rounded_up(durations, share):
    histogram = Histogram()
    for duration_ns in durations:
        histogram.record(duration_ns)
    exact = sorted(durations)[max(0, int(np.ceil(share * len(durations))) - 1)]
    found = histogram.quantile_ns(share)
    assert exact <= found <= max(exact * (1 + 1 / 32), exact + 1)
    assert histogram.summary_ms()["max"] == max(durations) / 1e6


def test_durations_beyond_its_buckets_are_counted():
    histogram = Histogram()
    for duration_ns in (-5, 2**60):
        histogram.record(duration_ns)
    assert histogram.quantile_ns(0.5) == 0
    assert histogram.summary_ms()["max"] == 2**60 / 1e6


def test_a_command_comes_out_of_its_message_as_it_went_in():
    sensed = Sensed(observation=np.zeros(3, np.float32), sequence=41, taken_ns=5, stamp_ns=-7)
    command = DriveCommand(
        sequence=3,
        action=ACTION,
        valid_for_ns=100 * MS,
        command=make_command((0.0, 0.0), num_outside=2, steps=3),
        state=EngagementState.BLENDING_IN,
        sensed=sensed,
    )
    message = decode_command(encode_command(command, held_ns=2_500_999))
    assert np.frombuffer(message.action.data, "<f4").tolist() == ACTION.tolist()
    assert (message.sequence, message.valid_for_us, message.state) == (3, 100_000, EngagementState.BLENDING_IN)
    assert (message.observation_sequence, message.observation_stamp_ns, message.observation_held_us) == (41, -7, 2500)
    assert message.sent_ns == 2_500_000 - 7
    assert (message.num_outside, message.steps, message.rung.value) == (2, 3, "transport")
    parting = decode_command(encode_command(parting_of(command), held_ns=1))
    assert (parting.observation_sequence, parting.observation_held_us, parting.sent_ns) == (None, None, None)
    newer = msgspec.msgpack.decode(encode_command(command, held_ns=0)) | {"novelty": [1], "reason": "moon_in_the_way"}
    read = decode_command(msgspec.msgpack.encode(newer))
    assert (read.action, read.reason) == (message.action, Reason.UNKNOWN)
    older = msgspec.msgpack.decode(encode_command(command, held_ns=0))
    del older["observation_held_us"]
    assert decode_command(msgspec.msgpack.encode(older)).sent_ns is None


def parting_of(command: DriveCommand) -> DriveCommand:
    return DriveCommand(
        sequence=4,
        action=command.action,
        valid_for_ns=command.valid_for_ns,
        command=command.command,
        state=command.state,
        sensed=None,
    )


def observation(**changes) -> bytes:
    message = {"type": "observation", "version": VERSION, "sequence": 1}
    message["observation"] = msgspec.to_builtins(pack(np.zeros(3, np.float32)), builtin_types=(bytes,))
    return msgspec.msgpack.encode({**message, **changes})


def test_an_observation_needs_no_more_than_a_sequence_and_an_array():
    message = decode_observation(observation())
    assert isinstance(message, ObservationMessage)
    assert (message.sequence, message.run, message.age_us, message.pose, message.stamp_ns) == (1, 0, 0, None, None)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", ErrorKind.MALFORMED),
        (b"\x91" * 60_000, ErrorKind.MALFORMED),
        (b"\xff\x00garbage", ErrorKind.MALFORMED),
        (observation(version=2), ErrorKind.WRONG_VERSION),
        (observation(version=2, another=1), ErrorKind.WRONG_VERSION),
        (observation(version="1"), ErrorKind.MALFORMED),
        (observation(type="command"), ErrorKind.MALFORMED),
        (observation(sequence=-1), ErrorKind.MALFORMED),
        (observation(age_us="old"), ErrorKind.MALFORMED),
        (observation(unknown=1), ErrorKind.MALFORMED),
        (observation(observation=[0.0, 0.0, 0.0]), ErrorKind.MALFORMED),
    ],
)
def test_what_is_no_observation_is_refused(payload, kind):
    with pytest.raises(RefusedError) as caught:
        decode_observation(payload)
    assert caught.value.kind is kind
    assert len(str(caught.value)) < 400


def test_a_robot_that_nobody_offers_says_how_to_get_it(tmp_path, monkeypatch):
    manifest = Bundle.load(make_bundle(tmp_path)).manifest
    with pytest.raises(MachineError, match="'arm' is not among the installed robots"):
        open_ports("arm", manifest, seed=0, clock=lambda: 0)

    class Entry:
        name = "plant"

        def load(self):
            raise ModuleNotFoundError("No module named 'sim'", name="sim")

    monkeypatch.setattr(ports, "entry_points", lambda group: [Entry()])
    with pytest.raises(MachineError, match=r"needs the Python package 'sim'.*pip install -e '.\[sim\]'"):
        open_ports("plant", manifest, seed=0, clock=lambda: 0)
