import os
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from vgf_robot.commands import serve, speech
from vgf_robot.commands.speech import say


@pytest.fixture(autouse=True)
def nothing_lost(monkeypatch):
    """No lines of another test went lost, and none of these do for another."""
    monkeypatch.setattr(speech._speaker, "_lost", 0)


@contextmanager
def stdout_as_pipe(monkeypatch):
    """Put a pipe in the place of standard output, and give the end to read from, which never waits."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "w") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        yield reading
    os.close(reading)


def fill(descriptor):
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except BlockingIOError:
        os.set_blocking(descriptor, True)


def test_counters_are_reported_once_per_period(monkeypatch):
    with stdout_as_pipe(monkeypatch) as reading:
        report = serve._reporter(SimpleNamespace(counters={"received": 2, "answered": 1}), 10.0)
        now_ns = time.monotonic_ns()
        for seconds in (1, 9, 11, 12, 20, 22):
            report(now_ns + seconds * 10**9)
        assert os.read(reading, 1000) == b"answered 1, received 2\n" * 2


def test_no_period_no_report(monkeypatch):
    with stdout_as_pipe(monkeypatch) as reading:
        report = serve._reporter(SimpleNamespace(counters={}), None)
        report(time.monotonic_ns() + 10**12)
        say("end")
        assert os.read(reading, 1000) == b"end\n"


def test_a_pipe_that_nobody_empties_does_not_stop_the_server(monkeypatch):
    with stdout_as_pipe(monkeypatch) as reading:
        fill(sys.stdout.fileno())
        say("left out")
        assert b"left out" not in os.read(reading, 2**20)


def test_a_reader_that_left_does_not_stop_the_server(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        say("to nobody")
        say("to nobody again")
