from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgf_robot.bundle import Field, OperatingPoint
from vgf_robot.controller import Budget, Reason, Rung, Status
from vgf_robot.engagement import EngagementState
from vgf_robot.wire.arrays import WireArray, pack
from vgf_robot.wire.codec import decode_reply, decode_request, encode
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import (
    Act,
    Bye,
    Engage,
    EngagementReply,
    ErrorReply,
    Expectations,
    ExpectedField,
    Hello,
    Observe,
    Ping,
    Pong,
    ServerTimings,
    Welcome,
)

COUNTS = st.integers(0, 2**63 - 1)
NAMES = st.text(max_size=64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ARRAYS = st.builds(
    WireArray, dtype=st.text(max_size=8), shape=st.lists(st.integers(0, 9)).map(tuple), data=st.binary(max_size=64)
)
FIELDS = st.builds(ExpectedField, name=NAMES, size=COUNTS, unit=NAMES)
SIZES = st.lists(FINITE, max_size=3).map(tuple)
FULL_FIELDS = st.builds(Field, name=NAMES, size=COUNTS, unit=NAMES, low=SIZES, high=SIZES)
VERSION = st.just(1)

REQUESTS = st.one_of(
    st.builds(
        Hello,
        version=VERSION,
        sequence=COUNTS,
        name=NAMES,
        expect=st.builds(Expectations, observation=st.none() | st.lists(FIELDS, max_size=3).map(tuple)),
        rate_hz=st.none() | st.floats(min_value=1e-9, allow_nan=False, allow_infinity=False),
    ),
    st.builds(
        Observe,
        version=VERSION,
        sequence=COUNTS,
        episode=COUNTS,
        seed=COUNTS,
        observation=ARRAYS,
        observation_age_us=COUNTS,
        deadline_us=st.none() | st.integers(0, 3_600_000_000),
        budget=st.builds(Budget, max_steps=st.none() | st.integers(0, 20), step_size=st.none() | FINITE),
        pose=st.none() | ARRAYS,
    ),
    st.builds(Engage, version=VERSION, sequence=COUNTS, action=st.sampled_from(["engage", "disengage", "clear"])),
    st.builds(Ping, version=VERSION, sequence=COUNTS),
    st.builds(Bye, version=VERSION, sequence=COUNTS),
)
TIMINGS = st.builds(
    ServerTimings,
    **dict.fromkeys(("queue_ns", "reference_ns", "select_ns", "tick_ns", "server_ns"), COUNTS),
    step_ns=st.lists(COUNTS, max_size=4).map(tuple),
)
REPLIES = st.one_of(
    st.builds(
        Welcome,
        version=VERSION,
        sequence=COUNTS,
        bundle=NAMES,
        bundle_sha256=NAMES,
        manifest_schema=VERSION,
        observation=st.lists(FULL_FIELDS, max_size=2).map(tuple),
        action=st.lists(FULL_FIELDS, max_size=2).map(tuple),
        action_kind=st.sampled_from(["absolute", "delta", "velocity", "torque"]),
        action_rate_limit=st.none() | SIZES,
        safe_action=SIZES,
        control_period_s=FINITE,
        operating_point=st.builds(
            OperatingPoint, num_particles=COUNTS, reference_steps=COUNTS, max_steps=COUNTS, step_size=FINITE
        ),
        num_particles=st.lists(COUNTS, max_size=3).map(tuple),
        default_deadline_us=COUNTS,
        max_message_bytes=COUNTS,
        engagement=st.booleans(),
    ),
    st.builds(
        Act,
        version=VERSION,
        sequence=COUNTS,
        episode=COUNTS,
        episode_tick=COUNTS,
        action=ARRAYS,
        status=st.sampled_from(Status),
        rung=st.sampled_from(Rung),
        reason=st.sampled_from(Reason),
        steps=COUNTS,
        value=st.none() | FINITE,
        spread=st.none() | FINITE,
        displacement=st.none() | FINITE,
        limited=FINITE,
        num_outside=COUNTS,
        valid_for_us=COUNTS,
        timings=TIMINGS,
        engagement=st.none() | st.sampled_from(EngagementState),
        engagement_reason=NAMES,
    ),
    st.builds(EngagementReply, version=VERSION, sequence=COUNTS, state=st.sampled_from(EngagementState), reason=NAMES),
    st.builds(Pong, version=VERSION, sequence=COUNTS, ready=st.booleans(), counters=st.dictionaries(NAMES, COUNTS)),
    st.builds(
        ErrorReply,
        version=VERSION,
        sequence=st.none() | COUNTS,
        kind=st.sampled_from(ErrorKind),
        expected=NAMES,
        found=NAMES,
        advice=NAMES,
    ),
)
OBSERVE = {
    "type": "observe",
    "version": 1,
    "sequence": 5,
    "episode": 1,
    "seed": 0,
    "observation": {"dtype": "<f4", "shape": [1], "data": bytes(4)},
    "observation_age_us": 0,
}


def refusal_of(payload: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        decode_request(payload)
    return caught.value


@given(REQUESTS)
def test_requests_survive_the_wire(message):
    assert decode_request(encode(message)) == message


@given(REPLIES)
def test_replies_survive_the_wire(message):
    assert decode_reply(encode(message)) == message


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(payload):
    refusal_of(payload)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from([*OBSERVE, "deadline_us", "budget", "pose"]),
)
def test_any_value_in_any_key_is_taken_or_refused(value, key):
    payload = msgspec.msgpack.encode({**OBSERVE, key: value})
    with suppress(RefusedError):
        decode_request(payload)


@given(REQUESTS, st.data())
def test_a_damaged_message_is_taken_or_refused(message, data):
    payload = bytearray(encode(message))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    with suppress(RefusedError):
        decode_request(bytes(payload))


@pytest.mark.parametrize("key", [key for key in OBSERVE if key not in ("type", "version")])
def test_a_missing_key_is_named_with_the_sequence(key):
    refusal = refusal_of(msgspec.msgpack.encode({name: value for name, value in OBSERVE.items() if name != key}))
    assert refusal.kind is ErrorKind.MALFORMED
    assert key in refusal.found
    assert refusal.sequence == (None if key == "sequence" else 5)


def test_an_unknown_key_is_refused():
    refusal = refusal_of(msgspec.msgpack.encode({**OBSERVE, "colour": 1}))
    assert refusal.kind is ErrorKind.MALFORMED
    assert "colour" in refusal.found


def test_without_engagement_an_answer_is_as_it_always_was():
    act = Act(
        version=1,
        sequence=1,
        episode=1,
        episode_tick=1,
        action=pack(np.zeros(1, np.float32)),
        status=Status.ON_TIME,
        rung=Rung.TRANSPORT,
        reason=Reason.COMPLETE,
        steps=0,
        value=None,
        spread=None,
        displacement=None,
        limited=0.0,
        num_outside=0,
        valid_for_us=1,
        timings=ServerTimings(queue_ns=0, reference_ns=0, step_ns=(), select_ns=0, tick_ns=0, server_ns=0),
    )
    assert not {"engagement", "engagement_reason"} & set(msgspec.msgpack.decode(encode(act)))
    engaged = msgspec.structs.replace(act, engagement=EngagementState.CHECKING)
    assert msgspec.msgpack.decode(encode(engaged))["engagement"] == "checking"


def test_an_unknown_type_is_refused_with_the_known_ones():
    refusal = refusal_of(msgspec.msgpack.encode({**OBSERVE, "type": "explode"}))
    assert (refusal.kind, refusal.found, refusal.sequence) == (ErrorKind.UNKNOWN_TYPE, "'explode'", 5)
    assert "observe" in refusal.expected


def test_another_version_is_named_even_where_its_keys_are_strange():
    strange = {"type": "observe", "version": 2, "sequence": 5, "novelty": [1, 2]}
    for content in (strange, {**OBSERVE, "version": 2}):
        refusal = refusal_of(msgspec.msgpack.encode(content))
        assert (refusal.kind, refusal.expected, refusal.found) == (ErrorKind.WRONG_VERSION, "version 1", "version 2")
        assert refusal.sequence == 5


def test_no_version_is_said_to_be_none():
    content = {key: value for key, value in OBSERVE.items() if key != "version"}
    assert refusal_of(msgspec.msgpack.encode(content)).found == "no version number"


@pytest.mark.parametrize("change", [{"sequence": -1}, {"sequence": 1.5}, {"deadline_us": 10**12}, {"seed": True}])
def test_a_value_out_of_range_is_refused(change):
    refusal = refusal_of(msgspec.msgpack.encode({**OBSERVE, **change}))
    assert refusal.kind is ErrorKind.MALFORMED
    assert next(iter(change)) in refusal.found


def test_deep_nesting_is_refused():
    for payload in (b"\x91" * 100_000, b"\x81\xa1x" * 100_000, b"\x81\xa7version" + b"\x91" * 100_000):
        assert refusal_of(payload).kind is ErrorKind.MALFORMED


def test_huge_lengths_without_their_bytes_are_refused():
    for payload in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b""):
        assert refusal_of(payload).kind is ErrorKind.MALFORMED


def test_a_long_text_is_not_quoted_at_length():
    assert len(refusal_of(msgspec.msgpack.encode({**OBSERVE, "type": "x" * 10_000})).found) < 200
    assert len(refusal_of(msgspec.msgpack.encode({**OBSERVE, "x" * 10_000: 1})).found) < 200


def test_what_a_server_says_is_no_request():
    pong = Pong(version=1, sequence=1, ready=True, counters={})
    assert refusal_of(encode(pong)).kind is ErrorKind.UNKNOWN_TYPE


def test_arrays_are_bytes_not_numbers():
    message = Observe(
        version=1,
        sequence=1,
        episode=1,
        seed=0,
        observation=pack(np.array([1.0], np.float32)),
        observation_age_us=0,
    )
    assert msgspec.msgpack.decode(encode(message))["observation"] == {
        "dtype": "<f4",
        "shape": [1],
        "data": b"\x00\x00\x80\x3f",
    }
