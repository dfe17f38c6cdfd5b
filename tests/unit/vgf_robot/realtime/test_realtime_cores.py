import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgf_robot.errors import ConfigError
from vgf_robot.realtime import core_list_text, parse_core_list


@pytest.mark.parametrize(
    ("text", "cores"), [("", ()), ("0", (0,)), ("1,2", (1, 2)), ("6, 0-2,1", (0, 1, 2, 6)), (" 3 ", (3,))]
)
def test_lists_are_read_as_linux_writes_them(text, cores):
    assert parse_core_list(text) == cores


@pytest.mark.parametrize("text", ["a", "1,", ",", "-1", "3-1", "1.5", "1-2-3", "999999"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(ConfigError, match="no list of cores"):
        parse_core_list(text)


@given(st.sets(st.integers(0, 99999)))
def test_round_trip(cores):
    assert set(parse_core_list(core_list_text(cores))) == cores
