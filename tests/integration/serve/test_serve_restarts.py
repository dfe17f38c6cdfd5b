"""A client whose server is not there, goes away, and comes back."""

import socket
import threading

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, serving
from vgf_robot.controller import Rung
from vgf_robot.wire import BundleChangedError, Client, NoServerError

pytestmark = pytest.mark.realtime


def test_no_server_is_said_in_time():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(NoServerError, match="No server answers"), Client(endpoint, timeout_s=0.2):
            pass


def test_a_killed_server_is_found_again_when_it_is_back(bundle):
    with serving(bundle) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        client.act(OBSERVATION, deadline_s=PATIENCE_S)
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with pytest.raises(NoServerError, match="went away"):
            client.act(OBSERVATION, timeout_s=0.2)
        with serving(bundle, bind=served.endpoint):
            answer = client.act(OBSERVATION, deadline_s=PATIENCE_S)
            assert answer.command.rung is Rung.TRANSPORT
            assert answer.episode_tick == 1
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S).episode_tick == 2


def test_a_server_killed_in_the_middle_of_a_tick_is_asked_again_within_the_same_call(bundle):
    with serving(bundle, slow_s=PATIENCE_S) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(client.act(OBSERVATION, deadline_s=PATIENCE_S)))
        caller.start()
        assert served.line() == "ticking\n"
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with serving(bundle, bind=served.endpoint):
            caller.join(PATIENCE_S)
        assert [answer.command.rung for answer in answers] == [Rung.TRANSPORT]


def test_a_server_back_with_another_bundle_is_refused_until_connected_anew(bundle, tmp_path):
    other = make_bundle(tmp_path / "other", name="other")
    with serving(bundle) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with serving(other, bind=served.endpoint):
            for _ in range(2):
                with pytest.raises(BundleChangedError):
                    client.act(OBSERVATION)
            assert client.connect().bundle == "other"
            assert client.act(OBSERVATION, deadline_s=PATIENCE_S).command.rung is Rung.TRANSPORT
