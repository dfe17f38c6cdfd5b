"""Records as JSON, in a form that other programs plot and from which the same bits come back.

A number of JSON is a float64 to every reader; each float32 is one of those exactly, and is written with as many digits
as bring it back. What JSON has no number for, NaN and infinity, stands beside: where an array has such an entry its
bytes are under NAME_base64 (little-endian float32) in place of its list under NAME, and so is a single float64. A key
whose value is None is left out.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import msgspec
import numpy as np

from vgf_robot.errors import DatasetError
from vgf_robot.telemetry import ARRAYS, VERSION, Counters, Event, Record, Stamped, TickRecord
from vgf_robot.wire.arrays import WireArray

EXACT = "_base64"
STAMPS = ("version", "run", "number", "wall_ns", "monotonic_ns")
RECORDER = "recorder"
TOPICS: dict[str, type[Record]] = {"tick": TickRecord, "event": Event, "counters": Counters, RECORDER: Counters}
"""What a file has channels for; the recorder counts too."""

_encoder = msgspec.json.Encoder()


def to_json(stamped: Stamped) -> tuple[str, bytes]:
    """Return the topic of a record, and the record."""
    record = stamped.record
    flat: dict[str, Any] = {name: getattr(stamped, name) for name in STAMPS}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, WireArray):
            entries = np.frombuffer(value.data, value.dtype)
            if np.isfinite(entries).all():
                flat[name] = entries.tolist()
            else:
                flat[name + EXACT] = base64.b64encode(value.data).decode()
        elif isinstance(value, float) and not math.isfinite(value):
            flat[name + EXACT] = base64.b64encode(np.array(value, "<f8").tobytes()).decode()
        elif value is not None:
            flat[name] = value
    own = isinstance(record, Counters) and record.source == "record"
    return RECORDER if own else _tag(type(record)), _encoder.encode(flat)


def from_json(topic: str, content: bytes) -> Stamped:
    """Return the record that `to_json` made this of.

    Raises:
        DatasetError: It is none, or of another version.
    """
    try:
        flat: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
        if flat.get("version") != VERSION:  # before its keys, which another version may have others of
            raise DatasetError(f"expected records of version {VERSION}, found version {flat.get('version')}")
        stamps = {name: flat.pop(name) for name in STAMPS}
        record_type = TOPICS[topic]
        values: dict[str, Any] = dict.fromkeys(record_type.__struct_fields__)
        values |= dict(_value(name, value) for name, value in flat.items())
        plain = {**stamps, "record": {"type": _tag(record_type), **values}}
        return msgspec.convert(plain, Stamped)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(f"expected a record of topic '{topic}', found {type(error).__name__}: {error}") from error


def _tag(record: type[Record]) -> str:
    return str(record.__struct_config__.tag)


def _value(name: str, value: Any) -> tuple[str, Any]:
    """Return a field's own name and value."""
    field = name.removesuffix(EXACT)
    if field in ARRAYS:
        data = base64.b64decode(value) if field != name else np.array(value, "<f4").tobytes()
        return field, {"dtype": "<f4", "shape": [len(data) // 4], "data": data}
    return field, np.frombuffer(base64.b64decode(value), "<f8")[0].item() if field != name else value
