"""A robot's loop that keeps going: the server is killed, stopped, and torn from the middle of a message."""

import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, expect_service, serving
from tests.integration.zmtp import GREETING, HALF_A_MESSAGE, ready
from vgf_robot.wire import Client, RobotLink, Source

pytestmark = pytest.mark.realtime

WAIT_S = 0.05


@pytest.fixture(scope="module")
def absolute(tmp_path_factory):
    """Actions that may be held, and a way to the safe one that takes a while."""
    return make_bundle(
        tmp_path_factory.mktemp("absolute") / "bundle",
        action_kind="absolute",
        safe_action=(1.5, 1.5),
        action_rate_limit=(5.0, 5.0),
        control_period_s=0.1,
    )


class Loop:
    """A robot that notes what it was sent, and that nothing was used beyond its time."""

    def __init__(self, endpoint):
        self.link = RobotLink(Client(endpoint), wait_s=WAIT_S)
        self.link.begin_episode(seed=0)
        self.actions = []
        self.valid_until_ns = 0

    def step(self):
        before_ns = time.monotonic_ns()
        found = self.link.step(OBSERVATION)
        if found.answer is not None:
            self.valid_until_ns = found.answer.valid_until_ns
            assert before_ns < found.answer.received_ns < self.valid_until_ns
        elif found.source is Source.HELD:
            assert before_ns < self.valid_until_ns
        if found.action is not None:
            self.actions.append(found.action)
        return found

    def until(self, source):
        """Step until an action comes from there; return where those before it came from."""
        give_up_s = time.monotonic() + PATIENCE_S
        seen = set()
        while (found := self.step()).source is not source:
            seen.add(found.source)
            assert time.monotonic() < give_up_s, found.trouble
        return seen

    def largest_change(self):
        pairs = zip(self.actions, self.actions[1:], strict=False)
        return max(float(abs(after - before).max()) for before, after in pairs)


@contextmanager
def looping(endpoint):
    loop = Loop(endpoint)
    with loop.link:
        yield loop


def test_a_server_that_is_killed_and_comes_back(absolute):
    with serving(absolute) as served, looping(served.endpoint) as loop:
        assert loop.until(Source.ANSWER) <= {Source.NONE}
        served.process.kill()
        served.process.wait(PATIENCE_S)
        assert loop.until(Source.SAFE) <= {Source.HELD, Source.ANSWER}
        for _ in range(5):
            assert loop.step().source is Source.SAFE
        with serving(absolute, bind=served.endpoint):
            assert loop.until(Source.ANSWER) <= {Source.SAFE}
            loop.step()
        assert loop.largest_change() <= 0.5 + 1e-6  # 5 per second and a period of 100 ms


def test_a_server_that_stands_still_for_a_second(absolute):
    with serving(absolute) as served, looping(served.endpoint) as loop:
        loop.until(Source.ANSWER)
        served.process.send_signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        loop.until(Source.SAFE)
        while time.monotonic() < stopped_s + 1.0:
            assert loop.step().source is Source.SAFE
        served.process.send_signal(signal.SIGCONT)
        assert loop.until(Source.ANSWER) <= {Source.SAFE}
        assert loop.largest_change() <= 0.5 + 1e-6
        # Questions it found when it went on: too many, superseded, or answered when nobody waited for them any more.
        assert loop.link.client.late_replies > 0


def test_a_peer_that_hangs_up_in_the_middle_of_a_message_disturbs_nobody(absolute):
    with serving(absolute) as served, looping(served.endpoint) as loop:
        loop.until(Source.ANSWER)
        host, port = served.endpoint.removeprefix("tcp://").rsplit(":", 1)
        for said in (GREETING[:5], GREETING, GREETING + ready("DEALER"), GREETING + ready("DEALER") + HALF_A_MESSAGE):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:
                peer.sendall(said)
                if said != GREETING[:5]:
                    assert peer.recv(1)  # the server has said its own greeting
            assert loop.until(Source.ANSWER) <= {Source.HELD, Source.SAFE}
        expect_service(served.endpoint)


@contextmanager
def tearing():
    """A listener that says half a message to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        ending = threading.Event()
        torn = []

        def serve():
            while not ending.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.sendall(GREETING + ready("ROUTER") + HALF_A_MESSAGE)
                torn.append(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], torn
        finally:
            ending.set()
            thread.join(PATIENCE_S)


def test_a_server_that_hangs_up_in_the_middle_of_its_message_holds_nobody_up(absolute):
    with tearing() as (port, torn), looping(f"tcp://127.0.0.1:{port}") as loop:
        give_up_s = time.monotonic() + PATIENCE_S
        while len(torn) < 3 and time.monotonic() < give_up_s:
            assert loop.step().source is Source.NONE
        assert len(torn) >= 3
    with serving(absolute, bind=f"tcp://127.0.0.1:{port}") as served, looping(served.endpoint) as loop:
        loop.until(Source.ANSWER)
