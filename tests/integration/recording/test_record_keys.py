"""The verbs beside a server with keys, from a person's command line: who is told, and what the others are told."""

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.bundles import make_bundle
from tests.integration.recording.recorders import act_until_recorded, recording, until
from tests.integration.serve.servers import ENVIRONMENT, PATIENCE_S, VERB, serving
from tests.unit.vgf_robot.security.keyrings import Keyring
from vgf_robot import verbs
from vgf_robot.wire import Client

pytestmark = pytest.mark.realtime


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def keyring(tmp_path):
    keyring = Keyring(tmp_path / "keys")
    keyring.list(robot="act", desk="observe control")
    return keyring


def keys_of(keyring, name):
    """Options that give a verb the key of that name; made where it is not listed."""
    keyring.client(name)
    return ("--keys", str(keyring.home / name), "--server-key", str(keyring.server / "server.public"))


def test_who_may_observe_records_and_replays_and_who_may_not_is_told_why(bundle, keyring, tmp_path, capsys):
    control, telemetry = f"ipc://{tmp_path}/control.sock", f"ipc://{tmp_path}/telemetry.sock"
    options = ("--keys", str(keyring.server), "--control", control, "--telemetry", telemetry)
    robot, written = keyring.client("robot"), tmp_path / "monitor.json"
    watch = ("--no-page", "--metrics-port", "0", "--json", str(written), *keys_of(keyring, "desk"))
    with (
        serving(bundle, *options, announced=f"control at {control}") as served,
        recording(telemetry, tmp_path / "kept", *keys_of(keyring, "desk"), "--json", str(tmp_path / "r.json")) as kept,
        recording(telemetry, tmp_path / "none", "--seconds", "3") as keyless,
        recording(telemetry, tmp_path / "role", "--seconds", "3", *keys_of(keyring, "robot")) as unentitled,
        subprocess.Popen(
            [sys.executable, "-c", VERB, "monitor", "--telemetry", telemetry, *watch],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        ) as monitor,
        Client(served.endpoint, timeout_s=PATIENCE_S, keys=robot) as client,
    ):
        client.begin_episode(seed=0)
        act_until_recorded(client, tmp_path / "kept")
        for refused, words in ((keyless, "a key"), (unentitled, "have its key listed with the role it needs")):
            said, _ = refused.process.communicate(timeout=PATIENCE_S)
            assert (refused.process.returncode, said.count("Whoever answers")) == (3, 1), said
            assert re.search(words, said)
        metrics = monitor.stdout.readline().removeprefix("metrics at ").strip()
        until(
            lambda: b'vgf_telemetry{name="received"}' in urllib.request.urlopen(metrics).read(), "heard by the monitor"
        )
        monitor.send_signal(signal.SIGTERM)
        assert monitor.wait(PATIENCE_S) == 0
        assert verbs.main(["control", control, "ceilings", "--max-steps", "1", *keys_of(keyring, "desk")]) == 0
        assert "ceilings: max_steps 1" in capsys.readouterr().out
        assert verbs.main(["control", control, "stop", *keys_of(keyring, "robot")]) == 2
        assert "'control'" in capsys.readouterr().err
        assert kept.end(signal.SIGTERM)[0] == 0
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["dropped"] == 0
    assert json.loads(written.read_text())["rows"][0]["counters"]["received"] > 0
    assert verbs.main(["replay", str(tmp_path / "kept"), "--bundle", str(bundle), "--limit", "0"]) == 0
