import os
import sys
import time

import pytest

from vgf_robot.commands import serve


class FakeServer:
    def __init__(self, counters):
        self.counters = counters


@pytest.fixture
def pipe(monkeypatch):
    """Standard output as a pipe; gives the end to read from."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        yield reading
    os.close(reading)


def test_counters_are_reported_once_per_period(pipe):
    report = serve._reporter(FakeServer({"received": 2, "answered": 1}), 10.0)
    now_ns = time.monotonic_ns()
    for seconds in (1, 9, 11, 12, 20, 22):
        report(now_ns + seconds * 10**9)
    assert os.read(pipe, 1000) == b"answered 1, received 2\n" * 2


def test_no_period_no_report(pipe):
    report = serve._reporter(FakeServer({}), None)
    report(time.monotonic_ns() + 10**12)
    serve._say("end")
    assert os.read(pipe, 1000) == b"end\n"


def test_a_pipe_that_nobody_empties_does_not_stop_the_server(pipe):
    os.set_blocking(sys.stdout.fileno(), False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(sys.stdout.fileno(), bytes(4096))
    os.set_blocking(sys.stdout.fileno(), True)
    serve._say("left out")


def test_a_reader_that_left_does_not_stop_the_server(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        serve._say("to nobody")
        serve._say("to nobody again")
