"""Robots that use the server as they should, alone, together, and while it is busy."""

import time

import msgspec
import numpy as np
import pytest

from tests.integration.serve.servers import HELLO, OBSERVATION, PATIENCE_S, ask, dealer, expect_service, serving
from vgf_robot.controller import Budget, Rung
from vgf_robot.wire import Client, ServerBusyError

pytestmark = pytest.mark.realtime


def test_an_observation_is_answered_with_an_action_and_the_facts(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S, name="test") as client:
        assert client.welcome.bundle == "tiny"
        client.begin_episode(seed=3)
        first = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        second = client.act(OBSERVATION, deadline_s=PATIENCE_S, budget=Budget(max_steps=1))
        assert (first.command.steps, second.command.steps) == (3, 1)
        assert (first.episode_tick, second.episode_tick) == (1, 2)
        assert first.round_trip_ns >= first.server_ns >= first.command.timings.tick_ns > 0
        assert first.transport_ns > 0
        assert first.valid_until_ns - first.received_ns == 100_000_000 - first.transport_ns
        client.begin_episode(seed=3)
        again = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert again.episode_tick == 1
        np.testing.assert_array_equal(again.action, first.action)


def test_other_numbers_of_particles_are_ready(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        for num_particles in client.welcome.num_particles:
            budget = Budget(num_particles=num_particles)
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S, budget=budget).command.rung is Rung.TRANSPORT


def test_send_and_poll_do_not_wait(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        assert client.poll() is None
        client.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert client.poll(PATIENCE_S) is not None
        assert client.poll() is None


def test_many_clients_keep_their_episodes_apart(server):
    clients = [Client(server.endpoint, timeout_s=PATIENCE_S, name=f"robot {index}") for index in range(4)]
    try:
        for seed, client in enumerate(clients):
            client.connect()
            client.begin_episode(seed)
        for _ in range(3):
            for client in clients:
                client.send(OBSERVATION, deadline_s=PATIENCE_S)
            answers = [client.poll(PATIENCE_S) for client in clients]
        assert [answer.episode_tick for answer in answers] == [3, 3, 3, 3]
        assert len({answer.action.tobytes() for answer in answers}) == 4
    finally:
        for client in clients:
            client.close()


def test_clients_that_come_and_go_never_lock_each_other_out(bundle, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text("max_clients: 1\nevict_silent_s: 3600.0\nidle_s: 3600.0\n")
    with serving(bundle, "--config", str(settings)) as served:
        for _ in range(4):  # each says bye
            expect_service(served.endpoint)


def test_a_client_that_is_abandoned_says_no_bye(bundle):
    with serving(bundle) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as observer:

        def until_there_are(count):
            give_up_s = time.monotonic() + PATIENCE_S
            while observer.ping().counters["clients"] != count:
                assert time.monotonic() < give_up_s

        gone = Client(served.endpoint, timeout_s=PATIENCE_S)
        gone.connect()
        gone.abandon()
        with Client(served.endpoint, timeout_s=PATIENCE_S):
            until_there_are(3)
        until_there_are(2)


def test_clients_that_reconnect_without_a_word_take_their_own_place(bundle, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text("max_clients: 2\nevict_silent_s: 0.05\nidle_s: 3600.0\n")
    with serving(bundle, "--config", str(settings)) as served:
        for _ in range(4):
            with dealer(served.endpoint) as peer:
                give_up_s = time.monotonic() + PATIENCE_S
                while (reply := ask(peer, msgspec.msgpack.encode(HELLO)))[
                    "type"
                ] != "welcome" and time.monotonic() < give_up_s:
                    assert reply["kind"] == "too_many_clients"
            assert reply["type"] == "welcome"


def test_a_client_that_vanishes_before_its_answer_does_not_disturb(bundle):
    with serving(bundle, slow_s=0.2) as served:
        client = Client(served.endpoint, timeout_s=PATIENCE_S)
        client.connect()
        client.begin_episode(seed=0)
        client.send(OBSERVATION)
        assert served.line() == "ticking\n"
        client.close()
        expect_service(served.endpoint)


def test_a_server_that_is_slow_is_called_busy_and_its_late_answer_is_dropped(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        with pytest.raises(ServerBusyError):
            client.act(OBSERVATION, timeout_s=0.1)
        answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert answer.episode_tick == 2
        assert client.late_replies == 1


def test_what_comes_during_a_tick_is_served_after_it(bundle):
    with serving(bundle, slow_s=0.5) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as first:
        first.begin_episode(seed=0)
        first.send(OBSERVATION, deadline_s=PATIENCE_S)
        assert served.line() == "ticking\n"
        with dealer(served.endpoint) as peer:
            assert ask(peer, msgspec.msgpack.encode(HELLO))["type"] == "welcome"
        assert first.poll(PATIENCE_S) is not None
