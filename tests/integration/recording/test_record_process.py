"""A server, a recorder and a replay as their users run them."""

import json
import signal
import time

import pytest

from tests.bundles import make_bundle
from tests.integration.drive.robots import driving, sensing
from tests.integration.recording.recorders import act_until_recorded, recording, telemetry_of, ticks_in, until
from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, ask, dealer, serving
from vgf_robot import verbs
from vgf_robot.controller import Rung, Status
from vgf_robot.recording import Recording
from vgf_robot.telemetry import Counters, Event, EventKind, TickRecord
from vgf_robot.wire import Client

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def test_a_session_is_recorded_and_replayed_to_the_bit(bundle, tmp_path, capsys):
    folder, results = tmp_path / "recordings", tmp_path / "record.json"
    with (
        serving(bundle, "--telemetry", "tcp://127.0.0.1:*") as served,
        recording(telemetry_of(served), folder, "--json", str(results)) as recorder,
    ):
        with Client(served.endpoint, timeout_s=PATIENCE_S, name="tester") as client:
            client.begin_episode(seed=3)
            act_until_recorded(client, folder)
            client.begin_episode(seed=4)
            seen = {}
            # Deadlines between time for everything and time for nothing, until every way to end has been seen.
            wanted = {Status.ON_TIME, Status.TRUNCATED, Status.FALLBACK}
            give_up_s = time.monotonic() + PATIENCE_S
            for turn in range(100_000):
                deadline_s = (0.04, 0.001, 0.0007, 0.0005, 0.0004, 0.0003, 0.0)[turn % 7]
                command = client.act(OBSERVATION * (1 - turn / 1e6), deadline_s=deadline_s).command
                seen[(command.status, command.rung)] = seen.get((command.status, command.rung), 0) + 1
                if turn > 100 and {status for status, _ in seen} >= wanted:
                    break
                assert time.monotonic() < give_up_s, seen
        with dealer(served.endpoint) as peer:
            ask(peer, b"nonsense")
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(timeout=PATIENCE_S)
        until(lambda: events_in(folder, EventKind.STOPPED), "heard of the end")
        code, said = recorder.end(signal.SIGINT)
    assert code == 130
    (row,) = json.loads(results.read_text())["rows"]
    assert row["received"] == row["written"] > 100
    assert (row["dropped"], row["unwritten"], row["unreadable"]) == (0, 0, 0)
    assert f"received {row['received']}, written {row['received']}, dropped 0" in said

    ticks = ticks_in(folder)
    in_episode = [tick for tick in ticks if tick.seed == 4]
    assert len(in_episode) == sum(seen.values())
    assert {(tick.status, tick.rung) for tick in in_episode} == set(seen)
    assert {tick.client for tick in ticks} == {"tester"}
    assert {tick.bundle_sha256 for tick in ticks} == {in_episode[0].bundle_sha256}
    assert [tick.tick for tick in in_episode] == list(range(len(in_episode)))
    (refused,) = events_in(folder, EventKind.REFUSED)
    assert refused.text.startswith("malformed: ")
    counters = [record for record in records_in(folder) if isinstance(record, Counters)]
    assert {each.source for each in counters} == {"serve", "record"}
    assert max(each.counters.get("answered", 0) for each in counters) > 0

    capsys.readouterr()
    out = tmp_path / "replay.json"
    assert verbs.main(["replay", str(folder), "--bundle", str(bundle), "--limit", "0", "--json", str(out)]) == 0
    (replayed,) = json.loads(out.read_text())["rows"]
    assert replayed["exact"] == replayed["replayed"] == replayed["ticks"] == len(ticks)
    assert "the recorded bundle" in capsys.readouterr().out

    other = make_bundle(tmp_path / "other", reference_scale=0.3)
    assert verbs.main(["replay", str(folder), "--bundle", str(other), "--limit", "0.001"]) == 1
    assert "found a difference of" in capsys.readouterr().out


def records_in(folder) -> list:
    return [stamped.record for stamped in Recording([folder]).records()]


def events_in(folder, kind: EventKind) -> list[Event]:
    return [record for record in records_in(folder) if isinstance(record, Event) and record.kind is kind]


def test_a_killed_recorder_leaves_a_file_that_can_be_read(bundle, tmp_path, capsys):
    folder = tmp_path / "recordings"
    with (
        serving(bundle, "--telemetry", f"ipc://{tmp_path}/t.sock") as served,
        recording(telemetry_of(served), folder) as recorder,
    ):
        with Client(served.endpoint, timeout_s=PATIENCE_S) as client:
            client.begin_episode(seed=0)
            act_until_recorded(client, folder)
        recorder.process.kill()
        recorder.process.wait(timeout=PATIENCE_S)
    files = Recording([folder])
    assert all(tick.rung is Rung.TRANSPORT for tick in files.ticks())
    assert files.cut == files.files
    assert verbs.main(["replay", str(folder), "--bundle", str(bundle), "--limit", "0"]) == 0
    assert "has no end: its recorder still runs, was killed" in " ".join(capsys.readouterr().out.split())


def test_a_fault_of_a_loop_is_kept_apart(bundle, tmp_path):
    folder = tmp_path / "recordings"
    config = tmp_path / "drive.yaml"
    config.write_text("engage: true\nmax_age_periods: null\nengagement: {blend_s: 0, max_stale_periods: 3}\n")
    telemetry = f"ipc://{tmp_path}/t.sock"
    with (
        driving(bundle, "--config", str(config), "--telemetry", telemetry) as loop,
        recording(telemetry, folder, "--fault-s", "5") as recorder,
    ):
        with sensing(loop.observations):
            until(lambda: ticks_in(folder), "recorded")
        until(lambda: list(folder.glob("fault-*.mcap")), "kept apart")  # no sensor any more
        assert recorder.end(signal.SIGTERM)[0] == 0
    (fault,) = folder.glob("fault-*.mcap")
    records = [stamped.record for stamped in Recording([fault]).records()]
    assert isinstance(records[-1], Event)
    assert (records[-1].kind, records[-1].source) == (EventKind.FAULT, "drive")
    assert records[-1].text.startswith("fault: ")
    assert any(isinstance(record, TickRecord) and record.rung is Rung.TRANSPORT for record in records)
    assert [record for record in records if record not in records_in(folder)] == []


def test_telemetry_beyond_this_machine_is_refused(bundle, capsys):
    for verb in ("serve", "drive"):
        assert verbs.main([verb, str(bundle), "--telemetry", "tcp://0.0.0.0:5558"]) == 2
        assert "can be reached from other machines" in capsys.readouterr().err


def test_a_recorder_that_hears_nothing_says_so(tmp_path, capfd):
    arguments = [f"ipc://{tmp_path}/nobody.sock", "--out", str(tmp_path / "out"), "--seconds", "0.2"]
    assert verbs.main(["record", *arguments]) == 0
    assert "nothing received" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["nonsense", "--out", "{out}"], "no endpoint to connect to"),
        (["ipc://x.sock", "--out", "{out}", "--seconds", "0"], "expected a positive number"),
        (["ipc://x.sock", "--out", "{out}", "--file-mb", "-1"], "expected a positive number"),
    ],
)
def test_a_recorder_that_cannot_be_is_refused(tmp_path, capsys, arguments, found):
    assert verbs.main(["record", *(each.format(out=tmp_path) for each in arguments)]) == 2
    assert found in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--bundle", "cube-single-play"], "No recording is given"),
        (["nothing.mcap", "--bundle", "cube-single-play"], "does not exist"),
        (["{file}", "--bundle", "cube-single-play"], "no readable MCAP file"),
        (["{file}", "--bundle", "cube-single-play", "--limit", "-1"], "expected 0 or more"),
        (["{file}", "--bundle", "nothing"], "expected a bundle"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(tmp_path, capsys, arguments, found):
    file = tmp_path / "recording-1.mcap"
    file.write_bytes(b"nothing that was recorded")
    assert verbs.main(["replay", *(each.format(file=file) for each in arguments)]) == 2
    assert found in capsys.readouterr().err
