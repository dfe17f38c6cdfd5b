"""What a long-running verb says: lines for people, or an object of JSON a line."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vgf_robot.commands import speech


@pytest.fixture(autouse=True)
def nothing_lost(monkeypatch):
    """No lines of another test went lost, and none of these do for another."""
    monkeypatch.setattr(speech._speaker, "_lost", 0)


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


LEAVES_BY_ITSELF = (
    "import sys; from vgf_robot.commands.speech import say; "
    "[say(f'line {k}') for k in range(3)]; print('still here', file=sys.stderr)"
)


@pytest.mark.parametrize("place", [">/dev/full", ">&-", "| true"], ids=["full disk", "closed", "nobody reads"])
def test_what_cannot_be_said_stops_nothing(place):
    if place == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    # The shell's last word is the program's exit code, whatever it is piped into.
    script = f'set -o pipefail; "$0" -c "$1" {place}'
    done = subprocess.run(["bash", "-c", script, sys.executable, LEAVES_BY_ITSELF], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "still here\n")


def test_lost_lines_are_counted_before_the_next_that_is_not(capfd, monkeypatch):
    real = speech.os.write
    monkeypatch.setattr(speech.os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    speech.say("one")
    speech.say("two")
    monkeypatch.setattr(speech.os, "write", real)
    speech.say("three")
    speech.say("four")
    assert capfd.readouterr().out.splitlines() == [
        "2 lines before this could not be written and went lost",
        "three",
        "four",
    ]


def test_a_line_longer_than_a_pipe_takes_at_a_time_waits_for_nobody():
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        speech.say("x" * 1_000_000)  # a pipe holds 64 KiB
        assert speech._speaker._lost == 1
