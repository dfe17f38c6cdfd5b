"""docs/drive.md and docs/safety.md say what the code does, by name."""

from pathlib import Path

import msgspec
import pytest

from vgf_robot.drive import VERSION, CommandMessage, ObservationMessage, Tally
from vgf_robot.engagement import EngagementSettings, EngagementState

DOCS = Path(__file__).parents[4] / "docs"
DRIVE = (DOCS / "drive.md").read_text()
SAFETY = (DOCS / "safety.md").read_text()


@pytest.mark.parametrize("record", [ObservationMessage, CommandMessage], ids=lambda record: record.__name__)
def test_every_key_of_a_message_is_on_the_page(record):
    for field in msgspec.structs.fields(record):
        assert f"`{field.encode_name}`" in DRIVE


def test_every_key_of_the_row_is_on_the_page():
    for key in Tally().row():
        assert f"`{key}`" in DRIVE


def test_the_version_is_the_pages():
    assert f"## Messages, version {VERSION}\n" in DRIVE


@pytest.mark.parametrize("state", EngagementState)
def test_every_state_is_on_the_page(state):
    assert f"`{state.value}`" in SAFETY


def test_every_setting_of_engagement_is_on_the_page():
    for name in EngagementSettings.__struct_fields__:
        assert f"`{name}`" in SAFETY
