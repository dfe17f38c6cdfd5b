"""What is in the JSON of a record, for other programs: JSON Schema as plain as Foxglove reads it.

Every type is one word, with neither alternatives nor references; what may be missing is not among the required keys.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from vgf_robot.recording.form import EXACT, STAMPS, TOPICS
from vgf_robot.telemetry import Stamped
from vgf_robot.wire.arrays import WireArray

Schema = dict[str, Any]

_BYTES: Schema = {"type": "string", "contentEncoding": "base64"}


def schema_of(topic: str) -> bytes:
    """Return the schema of a topic's records."""
    stamped, record = _struct(Stamped), _struct(TOPICS[topic])
    properties: Schema = {field.name: _schema(field.type) for field in stamped.fields if field.name in STAMPS}
    for field in record.fields:
        properties[field.name] = _schema(field.type)
        if properties[field.name]["type"] in ("number", "array"):
            properties[field.name + EXACT] = _BYTES
    may_miss = {f.name for f in record.fields if _alternatives(f.type)} | {p for p in properties if p.endswith(EXACT)}
    may_miss |= {name.removesuffix(EXACT) for name in may_miss if name.endswith(EXACT)}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"vgf_robot.{topic}",
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in may_miss],
    }
    return msgspec.json.encode(schema)


def _struct(record: type) -> msgspec.inspect.StructType:
    return cast(msgspec.inspect.StructType, msgspec.inspect.type_info(record))


def _alternatives(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.UnionType)


def _schema(kind: msgspec.inspect.Type) -> Schema:
    inspect = msgspec.inspect
    if isinstance(kind, inspect.UnionType):  # with None: such a key is left out
        return _schema(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
    if isinstance(kind, inspect.StructType):
        if kind.cls is WireArray:
            return {"type": "array", "items": {"type": "number"}}
        return {"type": "object", "properties": {field.name: _schema(field.type) for field in kind.fields}}
    if isinstance(kind, inspect.VarTupleType):
        return {"type": "array", "items": _schema(kind.item_type)}
    if isinstance(kind, inspect.DictType):
        return {"type": "object", "additionalProperties": _schema(kind.value_type)}
    words: dict[type[msgspec.inspect.Type], str] = {
        inspect.IntType: "integer",
        inspect.FloatType: "number",
        inspect.BoolType: "boolean",
    }
    return {"type": words.get(type(kind), "string")}  # text, enumerations and literals
