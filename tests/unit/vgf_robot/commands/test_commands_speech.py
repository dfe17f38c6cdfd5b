"""What a long-running verb says: lines for people, or an object of JSON a line."""

import json
import logging

import pytest

from vgf_robot.commands import speech


@pytest.fixture
def json_lines(capfd):
    speech.speak("json")
    try:
        yield lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    finally:
        speech._speaker.setFormatter(None)
        logging.getLogger("vgf_robot").removeHandler(speech._speaker)


def test_lines_for_people_are_as_they_are_said(capfd):
    speech.say("ready: 100 % of it", "ready", endpoint="tcp://127.0.0.1:5555")
    assert capfd.readouterr() == ("ready: 100 % of it\n", "")


def test_in_json_an_event_has_its_kind_and_its_facts(json_lines):
    speech.say("answered 3", "counters", counters={"answered": 3})
    (said,) = json_lines()
    assert (said["event"], said["level"], said["text"]) == ("counters", "info", "answered 3")
    assert said["counters"] == {"answered": 3}
    assert said["time"].endswith("+00:00")


def test_one_line_each_whatever_is_in_it(json_lines):
    speech.say("two\nlines")
    (said,) = json_lines()
    assert said["text"] == "two\nlines"


def test_what_went_wrong_inside_is_said_in_json_too(json_lines):
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("vgf_robot.wire.worker").exception("A tick for %r failed.", "arm")
    (said,) = json_lines()
    assert (said["event"], said["level"], said["text"]) == ("log", "error", "A tick for 'arm' failed.")
    assert "ZeroDivisionError" in said["trace"]
