import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ticks import make_tick, stamp, vector
from vgf_robot.bundle import OperatingPoint
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import DatasetError
from vgf_robot.recording.form import TOPICS, from_json, to_json
from vgf_robot.recording.schema import schema_of
from vgf_robot.telemetry import Counters, Event, EventKind, Stamped, encode
from vgf_robot.wire.arrays import WireArray

bits = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4)
# Every kind of float32: zeros of both signs, the smallest, infinities, and NaNs with something in them.
ODD = [0x00000000, 0x80000000, 0x00000001, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345]


def array(words: list[int]) -> WireArray:
    return WireArray(dtype="<f4", shape=(len(words),), data=np.array(words, "<u4").tobytes())


def there_and_back(stamped: Stamped) -> Stamped:
    return from_json(*to_json(stamped))


@given(bits, st.integers(0, 2**64 - 1))
def test_every_bit_of_an_array_and_of_a_number_comes_back(words, word):
    number = np.array(word, "<u8").view("<f8").item()
    tick = make_tick(observation=array(words), action=array(words[:1]), spread=number)
    back = there_and_back(stamp(tick)).record
    assert (back.observation, back.action) == (tick.observation, tick.action)
    assert np.float64(back.spread).tobytes() == np.float64(number).tobytes()


@pytest.mark.parametrize("word", ODD, ids=hex)
def test_odd_numbers_come_back_too(word):
    tick = make_tick(sent=array([word, 0x3F800000]))
    assert there_and_back(stamp(tick)).record.sent == tick.sent


FULL = make_tick(
    pose=vector(1, 2),
    sequence=None,
    arrived_ns=None,
    value=None,
    engagement=EngagementState.BLENDING_IN,
    engagement_reason='it said "\u00e9"',
    previous_action=vector(0.5),
    since_previous_ns=49_999_999,
    particles_tick=3,
    seed=2**63 - 1,
    margin_ns=0.1,
    point=OperatingPoint(
        num_particles=1, reference_steps=2, max_steps=0, step_size=1e-5, max_distance=0.3, selection="softmax"
    ),
)
RECORDS = [
    make_tick(),
    FULL,
    Event(source="drive", kind=EventKind.FAULT, text="fault: It moved."),
    Counters(source="serve", counters={"answered": 2, "error.budget": 1}),
    Counters(source="record", counters={"dropped": 2}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_byte_for_byte(record):
    assert encode(there_and_back(stamp(record, 3))) == encode(stamp(record, 3))


def test_arrays_are_lists_and_what_is_none_is_left_out():
    topic, content = to_json(stamp(make_tick(observation=vector(0.1, 2))))
    plain = msgspec.json.decode(content)
    assert topic == "tick"
    assert plain["observation"] == [float(np.float32(0.1)), 2.0]
    assert plain["value"] == -0.25
    assert plain["point"]["step_size"] == 0.05
    assert "pose" not in plain
    assert not any(name.endswith("_base64") for name in plain)


def test_an_array_with_a_nan_is_there_as_bytes_alone():
    plain = msgspec.json.decode(to_json(stamp(make_tick(observation=vector(math.nan, 2), spread=math.inf)))[1])
    assert "observation" not in plain
    assert "spread" not in plain
    assert {"observation_base64", "spread_base64"} <= plain.keys()


@pytest.mark.parametrize(
    ("topic", "content"),
    [
        ("tick", b"{}"),
        ("tick", b"no JSON"),
        ("odd", b"{}"),
        ("tick", to_json(stamp(make_tick()))[1].replace(b'"steps":3', b'"steps":"3"')),
        ("tick", to_json(stamp(make_tick()))[1].replace(b'"steps":3', b'"news":3')),
    ],
)
def test_what_is_no_record_is_refused(topic, content):
    with pytest.raises(DatasetError):
        from_json(topic, content)


def test_another_version_is_named_before_its_keys():
    content = to_json(stamp(make_tick()))[1].replace(b'"version":1', b'"version":2,"news":1')
    with pytest.raises(DatasetError, match="expected records of version 1, found version 2"):
        from_json("tick", content)


def check_plain(schema: dict) -> None:
    """What Foxglove reads of JSON Schema: one word for a type, and of each item of an array."""
    assert schema["type"] in ("object", "array", "string", "number", "integer", "boolean")
    if schema["type"] == "array":
        check_plain(schema["items"])
    for each in schema.get("properties", {}).values():
        check_plain(each)
    assert not {"$ref", "anyOf", "oneOf"} & schema.keys()


def check_value(value, schema: dict) -> None:
    kinds = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int, "boolean": bool}
    assert isinstance(value, kinds[schema["type"]])
    for each in value if isinstance(value, list) else []:
        check_value(each, schema["items"])
    for name, each in value.items() if isinstance(value, dict) else []:
        if each is not None or name not in ("max_distance", "min_gain"):
            check_value(each, schema["properties"][name] if "properties" in schema else schema["additionalProperties"])


@pytest.mark.parametrize("topic", TOPICS)
def test_the_schema_is_one_that_foxglove_reads(topic):
    schema = msgspec.json.decode(schema_of(topic))
    assert schema["type"] == "object"
    check_plain(schema)


@pytest.mark.parametrize("record", [*RECORDS, make_tick(observation=vector(math.nan))], ids=str)
def test_every_record_is_as_its_schema_says(record):
    topic, content = to_json(stamp(record))
    schema, plain = msgspec.json.decode(schema_of(topic)), msgspec.json.decode(content)
    assert set(schema["required"]) <= plain.keys()
    check_value(plain, schema)
