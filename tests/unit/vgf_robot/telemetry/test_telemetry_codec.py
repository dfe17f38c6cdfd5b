import msgspec
import pytest

from tests.ticks import make_tick, stamp, vector
from vgf_robot.errors import ProtocolError
from vgf_robot.telemetry import Counters, Event, EventKind, array_of, decode, encode
from vgf_robot.wire.arrays import WireArray

RECORDS = [
    make_tick(),
    Event(source="serve", kind=EventKind.REFUSED, text="budget: expected less", client="arm", identity="a1"),
    Counters(source="drive", counters={"sent": 3}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_was_told_is_what_is_heard(record):
    assert decode(encode(stamp(record, 4))) == stamp(record, 4)


def changed(**changes) -> bytes:
    content = msgspec.msgpack.decode(encode(stamp(make_tick())))
    return msgspec.msgpack.encode({**content, **changes})


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"", "truncated"),
        (b"\xc1", "malformed"),
        (changed(version=2), "version 2"),
        (changed(version=2, news=1), "version 2"),
        (changed(news=1), "news"),
        (changed(number=-1), "number"),
        (changed(record={"type": "tick"}), "missing"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(payload, found):
    with pytest.raises(ProtocolError, match=found):
        decode(payload)


@pytest.mark.parametrize(
    "array",
    [
        WireArray(dtype="<f4", shape=(3,), data=b"1234"),
        WireArray(dtype="<f8", shape=(1,), data=b"12345678"),
        WireArray(dtype="<f4", shape=(1, 1), data=b"1234"),
        WireArray(dtype="<f4", shape=(-1,), data=b""),
    ],
)
def test_an_array_that_is_no_vector_is_refused(array):
    with pytest.raises(ProtocolError, match="expected the bytes of a vector"):
        decode(encode(stamp(make_tick(observation=array))))


def test_an_array_comes_out_as_it_went_in():
    assert array_of(vector(1.0, -2.5)).tolist() == [1.0, -2.5]
    assert not array_of(vector(1.0)).flags.writeable
