import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vgf_robot.wire import messages
from vgf_robot.wire.arrays import WireArray, unpack
from vgf_robot.wire.codec import REPLY_TYPES, REQUEST_TYPES, decode_reply, decode_request, encode
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.messages import Observe

PAGE = (Path(__file__).parents[4] / "docs" / "protocol.md").read_text()
TYPES = (
    messages.Hello,
    messages.Observe,
    messages.Engage,
    messages.Ping,
    messages.Bye,
    messages.Welcome,
    messages.Act,
    messages.EngagementReply,
    messages.Pong,
    messages.ErrorReply,
    messages.Expectations,
    messages.ExpectedField,
    messages.ServerTimings,
    messages.Budget,
    messages.OperatingPoint,
    messages.Field,
    WireArray,
)


def bytes_of(block: str) -> bytes:
    return bytes.fromhex(re.sub(r"#.*", "", block))


# The first one leaves out what may be left out, the others are as the Python programs write them.
SHORT, *FULL = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)
TYPE_OF = {block: msgspec.msgpack.decode(bytes_of(block))["type"] for block in FULL}


def read(block: str) -> messages.Message:
    decode = decode_request if TYPE_OF.get(block, "observe") in REQUEST_TYPES else decode_reply
    return decode(bytes_of(block))


def test_the_short_example_decodes_to_what_the_page_says(manifest):
    message = read(SHORT)
    assert isinstance(message, Observe)
    assert (message.sequence, message.episode, message.seed) == (2, 1, 7)
    assert (message.observation_age_us, message.deadline_us) == (1500, 20_000)
    assert message.budget == messages.Budget()
    np.testing.assert_array_equal(unpack(message.observation, manifest.observation), [0.5, -1.0, 0.25])
    assert message in [read(block) for block in FULL]


@pytest.mark.parametrize("block", FULL, ids=TYPE_OF.get)
def test_the_bytes_of_the_page_are_read_and_written_again(block):
    assert encode(read(block)) == bytes_of(block)


def test_there_are_bytes_for_every_type_of_message():
    assert sorted(TYPE_OF.values()) == sorted([*REQUEST_TYPES, *REPLY_TYPES])


@pytest.mark.parametrize("block", [SHORT, *FULL], ids=["short", *TYPE_OF.values()])
def test_what_stands_beside_the_bytes_is_what_they_say(block):
    for line in block.splitlines():
        key = re.search(r'# "(\w+)": (?!map of|list of|binary of)(.+)', line)
        if key is not None:
            written = bytes_of(line)
            name = msgspec.msgpack.encode(key[1])
            assert written.startswith(name), line
            if written != name:  # else the value follows on lines of its own
                assert msgspec.msgpack.decode(written[len(name) :]) == msgspec.json.decode(key[2]), line


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_of_error_is_on_the_page(kind):
    assert f"`{kind.value}`" in PAGE


@pytest.mark.parametrize("record", TYPES, ids=lambda record: record.__name__)
def test_every_key_is_on_the_page(record):
    for field in msgspec.structs.fields(record):
        assert f"`{field.encode_name}`" in PAGE


@pytest.mark.parametrize("name", [*REQUEST_TYPES, *REPLY_TYPES])
def test_every_type_of_message_is_on_the_page(name):
    assert f"### `{name}`" in PAGE


def test_the_version_is_the_pages():
    assert PAGE.startswith(f"# The wire protocol, version {messages.VERSION}\n")
