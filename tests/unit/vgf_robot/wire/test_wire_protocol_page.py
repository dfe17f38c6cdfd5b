import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vgf_robot.wire import messages
from vgf_robot.wire.arrays import WireArray, unpack
from vgf_robot.wire.codec import REPLY_TYPES, REQUEST_TYPES, decode_request
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


def example() -> bytes:
    """Return the bytes of the page's example: runs of hexadecimal pairs before the comment of each line."""
    block = re.search(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    lines = [re.match(r"\s*((?:(?:[0-9a-f]{2})+ *)+)(?:\s{2}|$)", line) for line in block[1].splitlines()]
    return bytes.fromhex("".join(line[1] for line in lines if line is not None))


def test_the_example_decodes_to_what_the_page_says(manifest):
    message = decode_request(example())
    assert isinstance(message, Observe)
    assert (message.sequence, message.episode, message.seed) == (2, 1, 7)
    assert (message.observation_age_us, message.deadline_us) == (1500, 20_000)
    assert message.budget == messages.Budget()
    np.testing.assert_array_equal(unpack(message.observation, manifest.observation), [0.5, -1.0, 0.25])


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
