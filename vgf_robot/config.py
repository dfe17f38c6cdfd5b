"""YAML files to typed records and back; an unknown key is refused with a suggestion."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from vgf_robot.errors import ConfigError, suggestion

Record = TypeVar("Record", bound=msgspec.Struct)
# Ten times as fast where libyaml is there; a running server reads its list of clients with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML 1.1 takes a number with an exponent for text unless it has both a dot and a sign: 3e-4, 1.5e3.
_EXPONENT = re.compile(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)")


def load(path: Path, record: type[Record]) -> Record:
    """Read a YAML file into a record.

    Args:
        path: The file.
        record: The msgspec struct that says which keys there are, their types and defaults.

    Raises:
        ConfigError: The file is missing, not YAML, has an unknown key or a value of the wrong type.
    """
    if not path.is_file():
        fault = "is no file" if path.exists() else "does not exist"
        raise ConfigError(f"Configuration {path} {fault}; give a YAML file such as those in configs/.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise ConfigError(f"Configuration {path} is no text in UTF-8 ({error.reason}); save it as UTF-8.") from error
    except (yaml.YAMLError, ValueError) as error:  # a date that does not exist is a ValueError
        raise ConfigError(f"Configuration {path} is not valid YAML: {' '.join(str(error).split())}.") from error
    return from_mapping(content if content is not None else {}, record, str(path))


def from_mapping(content: object, record: type[Record], source: str) -> Record:
    """Turn plain YAML/JSON content into a record; `source` names it in errors.

    Raises:
        ConfigError: An unknown key (with a suggestion), or a value of the wrong type or range, or not finite.
    """
    _refuse_unknown_keys(content, record, source, "")
    for place, value in _leaves(content, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"In {source}: {place}: expected a finite number, found {value}.")
    try:
        return msgspec.convert(content, record)
    except msgspec.ValidationError as error:
        raise ConfigError(f"In {source}: {_complaint(str(error), content, record)}.") from error


def replace(record: Record, changes: Mapping[tuple[str, ...], object], source: str) -> Record:
    """Return the record with nested values replaced; each key is the path of names to a value.

    Raises:
        ConfigError: A new value has the wrong type.
    """
    content = msgspec.to_builtins(record)
    for path, value in changes.items():
        place = content
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
    return from_mapping(content, type(record), source)


def dump(record: msgspec.Struct, path: Path) -> None:
    """Write the resolved record beside its result, as YAML that `load` reads back equal."""
    path.write_text(yaml.safe_dump(msgspec.to_builtins(record), sort_keys=False, width=120), encoding="utf-8")


def _complaint(text: str, content: object, record: type[msgspec.Struct]) -> str:
    """Return msgspec's complaint as `place: expected ..., found ...`, with the cure where there is one."""
    expected, _, where = text.replace("`", "").partition(" - at ")
    place = where.removeprefix("$").removeprefix(".")
    expected, _, kind = f"{expected[0].lower()}{expected[1:]}".partition(", got ")
    value = dict(_leaves(content, "")).get(place)
    unknown_word = isinstance(value, str) and "enum value" in expected
    if unknown_word and (choices := _choices(record, place)):
        return f"{place}: expected one of {', '.join(choices)}, found '{value}'"
    found = kind if value is None else repr(value)
    found = "" if not found or found in expected else f", found {found}"
    return f"{place}: {expected}{found}{_cure(expected, value)}" if place else f"{expected}{found}"


def _cure(expected: str, value: object) -> str:
    """Return how to write a number that YAML took for text."""
    number = _EXPONENT.fullmatch(value) if isinstance(value, str) else None
    if number is None or ("int" not in expected and "float" not in expected):
        return ""
    whole, fraction, sign, exponent = number.groups()
    cure = f"{whole}{fraction or '.0'}e{sign or '+'}{exponent}" if "float" in expected else "all its digits"
    return f", since YAML reads {value} as text; write {cure}"


def _leaves(content: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield every value that holds no others, with its place as msgspec names it, such as `critic.sizes[0]`."""
    if isinstance(content, Mapping):
        for key, value in content.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _leaves(value, f"{place}.{key}".removeprefix("."))  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from _leaves(value, f"{place}[{index}]")  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield place, content


def _refuse_unknown_keys(content: object, record: type[msgspec.Struct], source: str, prefix: str) -> None:
    if not isinstance(content, Mapping):
        return
    nested_types = _nested_types(record)
    for key, value in content.items():  # pyright: ignore[reportUnknownVariableType]
        if key not in nested_types:
            known = suggestion(str(key), record.__struct_fields__)  # pyright: ignore[reportUnknownArgumentType]
            raise ConfigError(f"In {source}: unknown key '{prefix}{key}'; {known}")
        for nested in nested_types[key]:
            for item in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
                _refuse_unknown_keys(item, nested, source, f"{prefix}{key}.")  # pyright: ignore[reportUnknownArgumentType]


@cache
def _nested_types(record: type[msgspec.Struct]) -> dict[str, list[type[msgspec.Struct]]]:
    """Return the struct types inside each of a record's fields."""
    hints = get_type_hints(record)
    return {name: _struct_types(hints[name]) for name in record.__struct_fields__}


def _choices(record: type[msgspec.Struct], place: str) -> list[str]:
    """Return the words that a place takes, where it takes no others; the place as msgspec names it."""
    name, _, rest = place.partition(".")
    name = name.partition("[")[0]
    if name not in record.__struct_fields__:
        return []
    if rest:
        return [word for nested in _nested_types(record)[name] for word in _choices(nested, rest)]
    return _words(get_type_hints(record)[name])


def _words(hint: Any) -> list[str]:
    """Return the words that a value, or an item of one, has to be; none where it may be something else."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return [word for word in parts if isinstance(word, str)]
    if origin in (Union, UnionType):
        words = [_words(part) for part in parts if part is not NoneType]
        return [word for each in words for word in each] if all(words) else []
    return _words(parts[0]) if origin in (list, tuple) else []


def _struct_types(hint: Any) -> list[type[msgspec.Struct]]:
    """Return the struct types inside `X`, `X | None`, `list[X]` or `tuple[X, ...]`."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    if get_origin(hint) in (Union, UnionType, list, tuple):
        return [found for part in get_args(hint) for found in _struct_types(part)]
    return []
