"""A server that is given another bundle while robots use it."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import ENVIRONMENT, OBSERVATION, PATIENCE_S, VERB, serving
from vgf_robot.controller import Rung
from vgf_robot.wire import BundleChangedError, Client

pytestmark = pytest.mark.realtime

# The verb with a bundle that answers what it is tried with, and nothing else.
FAULTY = """
import sys
from vgf_robot.commands import serve
from vgf_robot.controller import Controller
tick = Controller.tick
def faulty(self, episode, observation, *arguments, **named):
    if self.manifest.name == "faulty" and observation.any():
        raise RuntimeError("broken kernel")
    return tick(self, episode, observation, *arguments, **named)
Controller.tick = faulty
sys.exit(serve.main(sys.argv[1:]))
"""


@pytest.fixture
def place(tmp_path):
    """Where the server looks, with a bundle in it."""
    return make_bundle(tmp_path / "served", name="first")


def put_in_place(place, **changes):
    """Move the bundle away and a new one into its place."""
    place.rename(place.with_name(f"before {changes}"))
    return make_bundle(place, **changes)


def hang_up(served):
    """Ask for a reload; return what the server says of it."""
    served.process.send_signal(signal.SIGHUP)
    return served.line()


def act(client):
    return client.act(OBSERVATION, deadline_s=PATIENCE_S)


def counters_of(client, name):
    give_up_s = time.monotonic() + PATIENCE_S
    while name not in (counters := client.ping().counters):
        assert time.monotonic() < give_up_s, counters
    return counters


def test_a_new_bundle_in_the_old_place_is_served_without_a_gap(place):
    with serving(place) as served, Client(served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as client:
        client.begin_episode(seed=0)
        assert act(client).episode_tick == 1
        put_in_place(place, name="second", max_steps=1)
        assert hang_up(served).startswith("reloaded: second (")
        answer = act(client)
        assert client.welcome.bundle == "second"
        assert (answer.command.steps, answer.episode_tick) == (1, 2)  # the same episode, so the rate is limited
        assert act(client).command.rung is Rung.TRANSPORT
        counters = client.ping().counters
        assert (counters["reload.done"], counters["error.handshake_required"]) == (1, 1)
        assert "reload.taken_back" not in counters


def test_a_link_that_was_switched_is_followed(place, tmp_path):
    link, other = tmp_path / "link", make_bundle(tmp_path / "other", name="other")
    link.symlink_to(place)
    with serving(link) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        act(client)
        next_link = tmp_path / "next"
        next_link.symlink_to(other)
        next_link.rename(link)
        assert "other" in hang_up(served)
        for _ in range(2):
            with pytest.raises(BundleChangedError, match="has another bundle now"):
                act(client)
        assert client.connect().bundle == "other"
        assert act(client).command.rung is Rung.TRANSPORT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"control_period_s": 0.02}, "a control period of 0.05 s, found 0.02 s"),
        ({"action_kind": "torque"}, "'delta', found 'torque'"),
        ("damaged", "was changed"),
        ("gone", "expected"),
        (None, "served already"),
    ],
)
def test_a_bundle_that_will_not_do_changes_nothing(place, changes, words):
    with serving(place) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        act(client)
        if isinstance(changes, dict):
            put_in_place(place, **changes)
        elif changes == "gone":
            place.rename(place.with_name("elsewhere"))
        elif changes == "damaged":
            put_in_place(place, name="second")
            (place / "step-n4.onnx").write_bytes(b"nonsense")
        said = hang_up(served)
        assert said.startswith("Reload refused: ")
        assert words in said
        assert "Still serving first (" in said
        answer = act(client)
        assert (answer.command.rung, answer.episode_tick) == (Rung.TRANSPORT, 2)
        kind = "reload.unchanged" if changes is None else "reload.refused"
        assert counters_of(client, kind)[kind] == 1


def test_a_first_answer_that_is_a_fault_brings_the_old_bundle_back(place):
    with (
        serving(place, program=(FAULTY,)) as served,
        Client(served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as client,
    ):
        client.begin_episode(seed=0)
        act(client)
        put_in_place(place, name="faulty")
        assert "faulty" in hang_up(served)
        assert act(client).command.rung is Rung.TRANSPORT  # answered by the old bundle in the end
        assert "Reload taken back" in served.line()
        assert client.welcome.bundle == "first"
        counters = client.ping().counters
        assert (counters["reload.done"], counters["reload.taken_back"]) == (1, 1)


def test_a_client_without_time_takes_no_bundle_back(place):
    with serving(place) as served, Client(served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as client:
        client.begin_episode(seed=0)
        act(client)
        put_in_place(place, name="second")
        assert "second" in hang_up(served)
        assert not client.act(OBSERVATION, deadline_s=0.0).command.rung.fresh
        assert client.welcome.bundle == "second"
        assert act(client).command.rung is Rung.TRANSPORT
        assert "reload.taken_back" not in client.ping().counters


def test_robots_are_answered_while_a_bundle_is_on_its_way(place):
    with (
        serving(place) as served,
        Client(served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as first,
        Client(served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as second,
    ):
        for client in (first, second):
            client.begin_episode(seed=0)
        put_in_place(place, name="second")
        served.process.send_signal(signal.SIGHUP)
        give_up_s = time.monotonic() + PATIENCE_S
        bundles = []
        while bundles[-2:] != ["second", "second"] and time.monotonic() < give_up_s:
            for client in (first, second):
                client.send(OBSERVATION, deadline_s=PATIENCE_S)
            for client in (first, second):
                answer = client.poll(PATIENCE_S)
                assert answer is not None
                assert answer.command.rung is Rung.TRANSPORT
                bundles.append(client.welcome.bundle)
        assert bundles[-1] == "second"
        counters = first.ping().counters
        assert counters["answered"] == len(bundles)
        assert "missed" not in counters


def test_a_terminal_that_is_closed_ends_the_server(place):
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", VERB, "serve", str(place), "--bind", "tcp://127.0.0.1:*"]
    with subprocess.Popen(
        command,
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
        preexec_fn=_take_terminal,
    ) as process:
        try:
            os.close(follower)
            assert process.stdout.readline().startswith("ready: ")
            os.close(leader)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def _take_terminal():
    """Make standard input the controlling terminal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
