"""A server with keys: who is served, who is not, and who not any more."""

import signal
import time

import msgspec
import numpy as np
import pytest

from tests.integration.serve.servers import (
    OBSERVATION,
    OBSERVE,
    PATIENCE_S,
    ask,
    dealer,
    expect_service,
    serving,
)
from tests.unit.vgf_robot.security.keyrings import Keyring
from vgf_robot.controller import Rung
from vgf_robot.security import curve_client
from vgf_robot.verbs import main
from vgf_robot.wire import Client, ErrorKind, KeyRefusedError, RefusedError, RobotLink, Source

pytestmark = pytest.mark.realtime

SHORT_S = 0.5


@pytest.fixture(scope="module")
def keyring(tmp_path_factory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def guarded(bundle, keyring):
    keyring.list(robot="act", watcher="observe")
    with serving(bundle, "--keys", str(keyring.server), bind="tcp://0.0.0.0:*") as served:
        yield served, served.endpoint.replace("0.0.0.0", "127.0.0.1")


@pytest.fixture
def endpoint(guarded, keyring):
    keyring.list(robot="act", watcher="observe")
    return guarded[1]


def counters(endpoint, keyring):
    with Client(endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")) as client:
        return client.ping().counters


def kind_of(error) -> ErrorKind | None:
    return getattr(error.value, "kind", None)


def test_a_listed_robot_is_served_on_a_bind_that_others_can_reach(endpoint, keyring):
    with Client(endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")) as client:
        client.begin_episode(seed=0)
        assert client.act(OBSERVATION, deadline_s=PATIENCE_S).command.rung is Rung.TRANSPORT


@pytest.mark.parametrize(
    ("keys", "counted", "said"),
    [
        # Which end finds it out first, and hangs up, is a race; the sentence is surer where it was this one.
        (lambda ring: None, "refused.handshake", "asks for a key"),
        (lambda ring: ring.client("stranger"), "refused.unknown_key", "have its key listed"),
        (
            lambda ring: ring.client("robot", server_key=ring.home / "robot" / "robot.public"),
            "refused.handshake",
            "compare server.public",
        ),
    ],
    ids=["no key", "unknown key", "key of another server"],
)
def test_who_has_no_key_or_the_wrong_one_is_refused_counted_and_told(endpoint, keyring, keys, counted, said):
    before = counters(endpoint, keyring).get(counted, 0)
    with pytest.raises(KeyRefusedError, match=said), Client(endpoint, timeout_s=SHORT_S, keys=keys(keyring)):
        pass
    give_up_s = time.monotonic() + PATIENCE_S
    while counters(endpoint, keyring).get(counted, 0) == before:
        assert time.monotonic() < give_up_s


def test_a_role_that_is_too_low_is_refused_with_what_it_takes(endpoint, keyring):
    watcher = keyring.client("watcher")
    with pytest.raises(RefusedError, match="'act'") as caught, Client(endpoint, timeout_s=PATIENCE_S, keys=watcher):
        pass
    assert kind_of(caught) is ErrorKind.FORBIDDEN
    client = Client(endpoint, timeout_s=PATIENCE_S, keys=watcher)
    assert client.ping().counters["error.forbidden"] >= 1
    client.close()


def test_a_revoked_key_stops_on_its_open_connection_and_starts_again_when_it_is_listed(endpoint, keyring):
    link = RobotLink(Client(endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")), wait_s=PATIENCE_S)
    with link:
        link.begin_episode(seed=0)
        assert link.step(OBSERVATION, deadline_s=PATIENCE_S).source is Source.ANSWER
        keyring.list(watcher="observe")
        give_up_s = time.monotonic() + PATIENCE_S
        while (step := link.step(OBSERVATION, deadline_s=PATIENCE_S)).source is Source.ANSWER:
            assert time.monotonic() < give_up_s
        assert isinstance(step.trouble, RefusedError)
        assert step.trouble.kind is ErrorKind.FORBIDDEN
        assert step.source is Source.SAFE
        keyring.list(watcher="observe", robot="act")
        while link.step(OBSERVATION, deadline_s=PATIENCE_S).source is not Source.ANSWER:
            assert time.monotonic() < give_up_s


def test_sighup_reads_the_list_again_and_a_bad_one_changes_nothing(bundle, tmp_path):
    keyring = Keyring(tmp_path)
    keyring.list(robot="act")
    with serving(bundle, "--keys", str(keyring.server)) as served:
        keyring.write("clients: nonsense")
        served.process.send_signal(signal.SIGHUP)
        give_up_s = time.monotonic() + PATIENCE_S
        while "rights stay as they were" not in served.line():
            assert time.monotonic() < give_up_s
        with Client(served.endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")) as client:
            client.begin_episode(seed=0)
            assert np.isfinite(client.act(OBSERVATION, deadline_s=PATIENCE_S).action).all()


def test_a_message_that_was_recorded_and_is_sent_again_moves_nothing(endpoint, keyring):
    with dealer(endpoint, lambda socket: curve_client(socket, keyring.client("robot"))) as peer:
        hello = {"type": "hello", "version": 1, "sequence": 1, "name": "peer"}
        assert ask(peer, msgspec.msgpack.encode(hello))["type"] == "welcome"
        recorded = msgspec.msgpack.encode({**OBSERVE, "deadline_us": 60_000_000})
        assert ask(peer, recorded)["type"] == "act"
        again = ask(peer, recorded)
        assert (again["type"], again["kind"], again["sequence"]) == ("error", "stale_sequence", 2)


def test_what_a_stranger_sends_to_the_port_leaves_no_trace_but_a_count(endpoint, keyring, guarded):
    with dealer(endpoint) as stranger:
        stranger.send(b"anything")
        assert not stranger.poll(1000 * SHORT_S)
    assert guarded[0].process.poll() is None
    assert counters(endpoint, keyring)["refused.handshake"] >= 1


def test_no_secret_is_said_anywhere(bundle, tmp_path):
    keyring = Keyring(tmp_path)
    keyring.list(robot="act")
    with serving(bundle, "--keys", str(keyring.server), "--json", str(tmp_path / "serve.json")) as served:
        stranger = keyring.client("stranger")
        with pytest.raises(KeyRefusedError), Client(served.endpoint, timeout_s=SHORT_S, keys=stranger):
            pass
        served.process.terminate()
        said, complained = served.process.communicate(timeout=PATIENCE_S)
    everything = said + complained + (tmp_path / "serve.json").read_text()
    assert "refused (unknown key)" in everything
    for path in tmp_path.rglob("*.secret"):
        assert path.read_text().strip() not in everything


def test_keys_that_will_not_do_stop_a_server_before_it_starts(bundle, tmp_path, capsys):
    keyring = Keyring(tmp_path)
    for options, complaint in (
        (("--keys", str(tmp_path / "nowhere")), "keygen"),
        (("--keys", str(keyring.server), "--insecure"), "leave one of them out"),
    ):
        assert main(["serve", str(bundle), *options]) == 2
        assert complaint in capsys.readouterr().err
    (keyring.server / "server.secret").chmod(0o644)
    assert main(["serve", str(bundle), "--keys", str(keyring.server)]) == 2
    assert "chmod 600" in capsys.readouterr().err


def test_a_server_without_keys_says_so_to_a_client_that_has_one(server, keyring):
    keys = keyring.client("robot")
    with (
        pytest.raises(KeyRefusedError, match=r"has no keys, and this client does|whether it has --keys at all"),
        Client(server.endpoint, timeout_s=SHORT_S, keys=keys),
    ):
        pass
    expect_service(server.endpoint)


def test_a_link_that_is_turned_away_says_so_and_goes_on_once_it_is_listed(endpoint, keyring):
    with RobotLink(Client(endpoint, keys=keyring.client("latecomer")), wait_s=SHORT_S) as link:
        assert "have its key listed" in str(refusal_of(link))
        keyring.list(latecomer="act")
        expect_answer(link)


def test_a_link_with_a_key_goes_on_where_the_server_gets_its_keys_later(bundle, tmp_path):
    """ZeroMQ alone never tries again what has ended in a mismatch."""
    keyring = Keyring(tmp_path)
    keyring.list(robot="act")
    with serving(bundle) as keyless:
        link = RobotLink(Client(keyless.endpoint, keys=keyring.client("robot")), wait_s=SHORT_S)
        with link:
            refusal_of(link)
            keyless.process.kill()
            keyless.process.wait(PATIENCE_S)
            with serving(bundle, "--keys", str(keyring.server), bind=keyless.endpoint):
                expect_answer(link)


def refusal_of(link) -> KeyRefusedError:
    link.begin_episode(seed=0)
    give_up_s = time.monotonic() + PATIENCE_S
    while not isinstance(trouble := link.step(OBSERVATION).trouble, KeyRefusedError):
        assert time.monotonic() < give_up_s, trouble
    return trouble


def expect_answer(link) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while (step := link.step(OBSERVATION, deadline_s=PATIENCE_S)).source is not Source.ANSWER:
        assert time.monotonic() < give_up_s, step.trouble
