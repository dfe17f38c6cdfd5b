"""The C++ example against the real server."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.cpp_client.scripted import PATIENCE_S, run_client
from tests.integration.serve.servers import serving
from vgf_robot.bundle import Bundle
from vgf_robot.security import write_key_pair
from vgf_robot.wire import Client

pytestmark = pytest.mark.realtime
FIELDS = ("--expect-observation", "goal:2:m,speed:1:m/s", "--expect-action", "displacement:2:m")


@pytest.fixture(scope="module")
def fast_bundle(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("fast"), control_period_s=0.002)


@pytest.fixture(scope="module")
def server(fast_bundle):
    with serving(fast_bundle) as served:
        yield served


def test_five_hundred_times_a_second(program, server, fast_bundle):
    sha256 = Bundle.load(fast_bundle).sha256
    expected = (*FIELDS, "--expect-kind", "delta", "--expect-period-ms", "2", "--expect-bundle", sha256)
    ended = run_client(program, server.endpoint, "--seconds", "0.8", *expected)
    assert ended.code == 0
    assert f"connected: tiny ({sha256[:12]}), 3 -> 2 entries, delta, 500 Hz\n" in ended.out
    assert ended.count("periods") == 400
    assert ended.count("fresh") + ended.count("missed") == 400
    assert ended.count("answered") > 0
    assert "round trip ms: p50 " in ended.out
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        counters = client.ping().counters
    assert counters["answered"] >= ended.count("answered")
    assert counters["clients"] == 1  # the one that asks: the example took leave
    # Where this machine was busy, an observation was overtaken by the next, or by many.
    assert {name for name in counters if name.startswith("error.")} <= {"error.superseded", "error.too_fast"}


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--expect-period-ms", "20", "expected a control period of 0.02 s, found 0.002 s"),
        (
            "--expect-action",
            "displacement:2:cm",
            "action field 0 to be displacement (2 in cm), found displacement (2 in m)",
        ),
        ("--expect-observation", "goal:2:m", "observation field 1 to be nothing, found speed (1 in m/s)"),
        ("--expect-kind", "absolute", "expected action kind 'absolute', found 'delta'"),
        ("--expect-bundle", "0" * 64, "expected bundle 000000000000"),
    ],
)
def test_another_robot_is_refused_with_the_servers_sentence(program, server, option, value, complaint):
    ended = run_client(program, server.endpoint, option, value)
    assert ended.code == 2
    assert complaint in ended.complaint
    assert ended.complaint.count("\n") == 1


def test_a_miss_rate_that_was_passed_is_an_exit_code(program, server):
    ended = run_client(program, server.endpoint, "--seconds", "0.1", "--wait-share", "0", "--max-miss-rate", "0.5")
    assert ended.code in (1, 3)  # 3: not even one answer was there at once
    assert ended.complaint.count("\n") == 1


def test_ctrl_c_ends_it_after_the_period_and_with_a_report(program, server):
    command = [program, "--endpoint", server.endpoint, "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("connected: ")
            with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
                before = client.ping().counters.get("received", 0)
                give_up_s = time.monotonic() + PATIENCE_S
                while client.ping().counters["received"] < before + 100:
                    assert time.monotonic() < give_up_s
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 130
            assert "periods: " in process.stdout.read()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """A folder per party; the server knows the arm and not the stranger."""
    folder = tmp_path_factory.mktemp("keys")
    arm, _, server = (write_key_pair(folder / name, name) for name in ("arm", "stranger", "server"))
    (folder / "server" / "clients.yaml").write_text(f"clients:\n  - {{name: arm, key: '{arm.public}', roles: [act]}}\n")
    assert server.public in (folder / "server" / "server.public").read_text()
    return folder


@pytest.fixture(scope="module")
def guarded(fast_bundle, keys):
    with serving(fast_bundle, "--keys", str(keys / "server")) as served:
        yield served


def key_options(keys: Path, name: str) -> tuple[str, ...]:
    return ("--server-key", str(keys / "server" / "server.public"), "--secret-key", str(keys / name / f"{name}.secret"))


def test_with_its_key_it_is_let_in(program, guarded, keys):
    public = ("--public-key", str(keys / "arm" / "arm.public"))
    for options in (key_options(keys, "arm"), (*key_options(keys, "arm"), *public)):
        ended = run_client(program, guarded.endpoint, "--seconds", "0.1", *options)
        assert (ended.code, ended.complaint) == (0, "")
        assert ended.count("answered") > 0


@pytest.mark.parametrize("name", ["stranger", None])
def test_without_a_key_that_the_server_knows_it_is_not(program, guarded, keys, name):
    options = () if name is None else key_options(keys, name)
    ended = run_client(program, guarded.endpoint, "--connect-s", "0.5", *options)
    assert ended.code == 3
    assert "give the keys that it asks for" in ended.complaint


def test_a_secret_key_that_others_can_read_is_not_used(program, keys, tmp_path):
    secret = tmp_path / "arm.secret"
    secret.write_text((keys / "arm" / "arm.secret").read_text())
    secret.chmod(0o644)
    options = ("--server-key", str(keys / "server" / "server.public"), "--secret-key", str(secret))
    ended = run_client(program, "tcp://127.0.0.1:1", *options)
    assert ended.code == 2
    assert "others can read this secret key" in ended.complaint
    assert secret.read_text().strip() not in ended.complaint
