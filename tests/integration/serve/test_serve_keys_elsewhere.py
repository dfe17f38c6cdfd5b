"""Keys at the two other sockets of a server: who is told what it does, and who may tell it what to do."""

import time

import pytest

from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, serving
from tests.unit.vgf_robot.security.keyrings import Keyring
from vgf_robot.control import ControlClient
from vgf_robot.telemetry import Subscriber
from vgf_robot.wire import Client, ErrorKind, KeyRefusedError, RefusedError

pytestmark = pytest.mark.realtime

SHORT_MS = 300


@pytest.fixture(scope="module")
def keyring(tmp_path_factory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def running(bundle, keyring, tmp_path_factory):
    keyring.list(robot="act", watcher="observe", operator="control")
    folder = tmp_path_factory.mktemp("sockets")
    control, telemetry = f"ipc://{folder}/control.sock", f"ipc://{folder}/telemetry.sock"
    options = ("--keys", str(keyring.server), "--control", control, "--telemetry", telemetry)
    with serving(bundle, *options, announced=f"control at {control}") as served:
        yield served, control, telemetry


def test_who_controls_may_and_who_does_not_may_only_look(running, keyring):
    _, control, _ = running
    with ControlClient(control, timeout_s=PATIENCE_S, keys=keyring.client("operator")) as operator:
        assert operator.set_ceilings(max_steps=1).point.max_steps == 1
    for name in ("robot", "watcher"):
        with ControlClient(control, timeout_s=PATIENCE_S, keys=keyring.client(name)) as other:
            assert other.state().bundle == "tiny"
            for forbidden in (lambda: other.set_ceilings(max_steps=0), other.reload, other.stop):
                with pytest.raises(RefusedError, match="'control'") as caught:
                    forbidden()
                assert caught.value.kind is ErrorKind.FORBIDDEN
            assert other.state().point.max_steps == 1
    for keys in (None, keyring.client("stranger")):
        with ControlClient(control, timeout_s=0.5, keys=keys) as stranger, pytest.raises(KeyRefusedError):
            stranger.state()


def heard(subscriber) -> bool:
    give_up_s = time.monotonic() + PATIENCE_S
    while subscriber.receive(100) is None:
        if time.monotonic() > give_up_s:
            return False
    return True


def turned_away(subscriber) -> str:
    give_up_s = time.monotonic() + PATIENCE_S
    while not subscriber.complaint:
        assert subscriber.receive(10) is None
        assert time.monotonic() < give_up_s
    return subscriber.complaint


def test_who_observes_is_told_until_the_right_is_taken(running, keyring):
    served, _, telemetry = running
    with (
        Subscriber(telemetry, keys=keyring.client("watcher")) as watcher,
        Subscriber(telemetry, keys=keyring.client("robot")) as robot,
        Subscriber(telemetry) as keyless,
        Client(served.endpoint, timeout_s=PATIENCE_S, keys=keyring.client("robot")) as client,
    ):
        client.begin_episode(seed=0)
        client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert heard(watcher)  # counters come every second, if nothing else
        assert "have its key listed with the role it needs" in turned_away(robot)
        assert "no connection" in turned_away(keyless)  # which end finds it out first is a race
        before = client.ping().counters.get("refused.unknown_key", 0)
        keyring.list(robot="act", operator="control")
        give_up_s = time.monotonic() + PATIENCE_S
        while client.ping().counters.get("refused.unknown_key", 0) == before:  # cut off, it tries again
            assert time.monotonic() < give_up_s
        while watcher.receive(0) is not None:
            pass
        client.act(OBSERVATION, deadline_s=PATIENCE_S)
        assert watcher.receive(SHORT_MS) is None
        keyring.list(robot="act", watcher="observe", operator="control")
        assert heard(watcher)
