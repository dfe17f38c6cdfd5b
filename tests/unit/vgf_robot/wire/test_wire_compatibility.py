"""The promise of docs/compatibility.md: what may come later, and who then understands whom."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vgf_robot.controller import Reason
from vgf_robot.wire.codec import REPLY_TYPES, REQUEST_TYPES, decode_reply, decode_request, encode
from vgf_robot.wire.faults import ErrorKind, RefusedError

GOLDEN = Path(__file__).parents[4] / "tests" / "golden"
# One message of each type as the first release wrote it. Never changed: additions get a file of their own.
FIRST = {name: bytes.fromhex(text) for name, text in json.loads((GOLDEN / "wire-1.json").read_text()).items()}
OPTIONAL = {"hello": {"expect", "rate_hz"}, "observe": {"deadline_us", "budget", "pose"}, "welcome": {"engagement"}}
# A receiver has to know what to do with each of these values: no new one within a version.
CLOSED = [("act", "status"), ("act", "rung"), ("engagement", "state"), ("welcome", "action_kind")]


def read(name: str, content: dict[str, Any]):
    decode = decode_request if name in REQUEST_TYPES else decode_reply
    return decode(msgspec.msgpack.encode(content))


def content_of(name: str) -> dict[str, Any]:
    return msgspec.msgpack.decode(FIRST[name])


def maps_of(content: object) -> Iterator[dict[str, Any]]:
    """Yield every map of a message, but those of an array, which are closed, and of counters, which are open."""
    if isinstance(content, list):
        for item in content:
            yield from maps_of(item)
    elif isinstance(content, dict) and "dtype" not in content:
        yield content
        for key, item in content.items():
            if key != "counters":
                yield from maps_of(item)


def holds(newer: object, older: object) -> bool:
    """Return whether everything that an older message says is said by a newer one."""
    if isinstance(older, dict):
        return isinstance(newer, dict) and all(key in newer and holds(newer[key], older[key]) for key in older)
    if isinstance(older, list):
        return isinstance(newer, list) and len(newer) == len(older) and all(map(holds, newer, older))
    return newer == older


def test_there_is_one_message_of_every_type_of_the_first_release():
    assert set(FIRST) <= {*REQUEST_TYPES, *REPLY_TYPES}
    assert len(FIRST) == 10


@pytest.mark.parametrize("name", FIRST)
def test_what_the_first_release_wrote_is_read_and_still_said(name):
    message = read(name, content_of(name))
    assert holds(msgspec.msgpack.decode(encode(message)), content_of(name))


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in OPTIONAL.items() for key in sorted(keys)])
def test_a_key_that_may_be_left_out_means_its_default(name, key):
    content = content_of(name)
    left_out = read(name, {each: value for each, value in content.items() if each != key})
    for field in msgspec.structs.fields(type(left_out)):
        if field.encode_name == key:
            assert getattr(left_out, field.name) == field.default


@pytest.mark.parametrize("name", FIRST)
def test_no_other_key_may_be_left_out(name):
    content = content_of(name)
    for key in content.keys() - OPTIONAL.get(name, set()):
        with pytest.raises(RefusedError):
            read(name, {each: value for each, value in content.items() if each != key})


@pytest.mark.parametrize("name", [name for name in FIRST if name in REPLY_TYPES])
def test_a_client_ignores_what_a_newer_server_says_beside(name):
    expected, content = read(name, content_of(name)), content_of(name)
    maps = list(maps_of(content))
    for each in maps:
        each["novelty"] = {"of": ["a", "newer", "server"]}
    assert len(maps) >= 1
    assert read(name, content) == expected


@pytest.mark.parametrize("name", [name for name in FIRST if name in REQUEST_TYPES])
def test_a_server_refuses_what_it_does_not_know_and_names_it(name):
    for index in range(len(list(maps_of(content_of(name))))):
        content = content_of(name)
        list(maps_of(content))[index]["novelty"] = 1
        with pytest.raises(RefusedError) as caught:
            read(name, content)
        assert caught.value.kind is ErrorKind.MALFORMED
        assert "novelty" in caught.value.found
        assert caught.value.sequence == content["sequence"]


def test_a_newer_reason_leaves_the_action_as_good_as_it_is():
    message = read("act", {**content_of("act"), "reason": "moon_in_the_way"})
    assert message.reason is Reason.UNKNOWN
    assert message.action == read("act", content_of("act")).action


def test_a_newer_kind_of_error_is_a_refusal_with_its_sentence():
    message = read("error", {**content_of("error"), "kind": "moon_in_the_way"})
    assert message.kind is ErrorKind.UNKNOWN
    assert not message.kind.servers_fault
    assert message.expected == content_of("error")["expected"]


@pytest.mark.parametrize(("name", "key"), CLOSED)
def test_a_newer_value_that_would_have_to_be_acted_upon_is_refused(name, key):
    with pytest.raises(RefusedError):
        read(name, {**content_of(name), key: "moon_in_the_way"})


@pytest.mark.parametrize(("name", "key"), [("act", "reason"), ("error", "kind")])
def test_a_value_of_another_type_is_no_newer_value(name, key):
    with pytest.raises(RefusedError):
        read(name, {**content_of(name), key: 7})


@pytest.mark.parametrize("name", FIRST)
def test_another_version_is_refused_as_such_whatever_it_holds(name):
    for content in ({**content_of(name), "version": 2}, {**content_of(name), "version": 2, "novelty": 1}):
        with pytest.raises(RefusedError) as caught:
            read(name, content)
        assert caught.value.kind is ErrorKind.WRONG_VERSION
