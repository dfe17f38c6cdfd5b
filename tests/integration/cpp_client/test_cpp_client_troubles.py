"""What the C++ example does where a server is late, gone, changed, or says something strange."""

import pytest

from tests.integration.cpp_client.scripted import ACT, WELCOME, Script, error, run_client, scripted

pytestmark = pytest.mark.realtime
# On a machine that is busy some answers come too late, so scripts say the same thing to several observations.
SHORT = ("--seconds", "0.25")  # 25 periods
SEVERAL = 8


def run(program, script, *options):
    with scripted(script) as endpoint:
        return run_client(program, endpoint, *(options or SHORT))


def soon_silent(**changes):
    return lambda number, message: [{**ACT, **changes}] if number < SEVERAL else []


def test_stale_answers_are_dropped_by_their_sequence(program):
    def one_behind(number, message):
        return [{**ACT, "sequence": message["sequence"] - 1}] if number else []

    script = Script(on_observe=one_behind)
    ended = run(program, script)
    assert ended.code == 3
    assert "no observation was answered in time" in ended.complaint
    assert ended.count("answered") == 0
    assert 0 < ended.count("dropped replies") < len(script.heard_of("observe"))


def test_sequences_grow_and_deadlines_are_said(program):
    script = Script()
    ended = run(program, script)
    assert ended.code == 0
    sequences = [message["sequence"] for message in script.heard]
    assert sequences == sorted(set(sequences))
    for message in script.heard_of("observe"):
        assert (message["episode"], message["observation"]["shape"]) == (1, [2])
        assert 0 <= message["deadline_us"] <= 7000
    assert [message["type"] for message in script.heard][-1] == "bye"


def test_silence_ends_it_after_a_while_and_never_before_a_period(program):
    ended = run(program, Script(on_observe=soon_silent()), "--seconds", "600", "--give-up-s", "0.1")
    assert ended.code == 3
    assert "has not answered for too long" in ended.complaint
    assert ended.count("periods") > 10


@pytest.mark.parametrize(
    ("changes", "welcome", "source"),
    [
        ({"valid_for_us": 3_600_000_000}, {}, "held"),
        ({"valid_for_us": 5_000}, {}, "safe"),  # half a period
        ({"valid_for_us": 3_600_000_000}, {"action_kind": "delta"}, "safe"),
        ({"valid_for_us": 0}, {}, "standby"),
    ],
)
def test_without_an_answer_the_robot_is_sent_what_the_protocol_says(program, changes, welcome, source):
    ended = run(program, Script(welcome={**WELCOME, **welcome}, on_observe=soon_silent(**changes)))
    assert ended.code == 0
    assert ended.count("answered") > 0
    assert {name for name in ("held", "safe") if ended.count(name)} == {source} - {"standby"}
    if source == "standby":  # in every period that was not skipped
        assert ended.count(source) == ended.count("periods") - ended.count("skipped")


def test_a_server_that_knows_it_no_more_is_greeted_and_asked_again(program):
    def forgetful(number, message):
        known = script.heard[-2]["type"] == "hello"  # for one observation
        return [ACT if known else error(message["sequence"], "handshake_required")]

    script = Script(on_observe=forgetful)
    ended = run(program, script)
    assert (ended.code, ended.complaint) == (0, "")
    threes = zip(script.heard[1:], script.heard[2:], script.heard[3:], strict=False)
    around = [(before, after) for before, hello, after in threes if hello["type"] == "hello"]
    resent = [(before, after) for before, after in around if after.get("observation") == before["observation"]]
    assert resent  # where there was time for it in the same period
    for before, after in resent:
        assert after["deadline_us"] <= before["deadline_us"]
        assert after["observation_age_us"] > before["observation_age_us"]


def test_another_bundle_after_a_restart_ends_it(program):
    script = Script()

    def changed(number, message):
        script.welcome["bundle_sha256"] = "cd" * 32
        return [error(message["sequence"], "handshake_required")]

    script.on_observe = changed
    ended = run(program, script)
    assert ended.code == 3
    assert "expected abababababab, found cdcdcdcdcdcd" in ended.complaint


@pytest.mark.parametrize("kind", ["wrong_shape", "forbidden"])
def test_what_would_be_refused_again_ends_it_with_a_sentence(program, kind):
    ended = run(program, Script(on_observe=lambda number, message: [error(message["sequence"], kind)]))
    assert ended.code == 2
    assert f"{kind}: expected something else, found this; look here." in ended.complaint


def test_an_error_about_no_message_in_particular_is_told(program):
    ended = run(program, Script(on_observe=lambda number, message: [error(None, "too_fast"), ACT]))
    assert ended.code == 0
    assert ended.complaint.count("the server said too_fast") == 1
    assert ended.count("error too_fast") > 0
    assert ended.count("answered") > 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [("internal", 3), ("superseded", 0), ("shutting_down", 0), ("moon_in_the_way", 0)],
)
def test_what_passes_is_said_once_and_counted(program, kind, code):
    def troubled(number, message):
        return [error(message["sequence"], kind) if number < SEVERAL else ACT]

    ended = run(program, Script(on_observe=troubled))
    assert ended.code == code
    assert ended.complaint.count(f"the server said {kind}: expected something else") == 1
    assert 0 < ended.count(f"error {kind}") <= SEVERAL
    assert ended.count("answered") > 0


def test_what_a_newer_server_says_beside_is_ignored(program):
    novelty = {"novelty": {"of": ["a", "newer", {"server": 1.5}]}}
    script = Script(welcome={**WELCOME, **novelty})
    script.on_observe = lambda number, message: [{**ACT, **novelty, "reason": "moon_in_the_way"}]
    ended = run(program, script)
    assert (ended.code, ended.complaint) == (0, "")
    assert ended.count("answered") > 0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": 2}, "protocol version 2, this client speaks 1"),
        ({"action": {"dtype": "<f8", "shape": [1], "data": bytes(8)}}, "another dtype than '<f4'"),
        ({"action": {"dtype": "<f4", "shape": [3], "data": bytes(8)}}, "bytes do not fill its shape"),
        ({"action": {"dtype": "<f4", "shape": [2], "data": b"\x00\x00\xc0\x7f" * 2}}, "not finite"),
        ({"action": {"dtype": "<f4", "shape": [3], "data": bytes(12)}}, "an action of 3 entries, expected 2"),
        ({"valid_for_us": "long"}, "'valid_for_us' is of another type"),
        ({"timings": None}, "expected a map"),
        ({"type": "moon"}, "a message of type 'moon'"),
    ],
)
def test_an_answer_that_cannot_be_read_ends_it_with_a_sentence(program, changes, complaint):
    ended = run(program, Script(on_observe=lambda number, message: [{**ACT, **changes}]))
    assert ended.code == 3
    assert complaint in ended.complaint


def test_engaging_comes_before_the_first_observation(program):
    script = Script(welcome={**WELCOME, "engagement": True})
    ended = run(program, script, *SHORT, "--engage")
    assert ended.code == 0
    assert [message["type"] for message in script.heard[:3]] == ["hello", "engage", "observe"]


def test_without_a_server_it_says_so(program, tmp_path):
    ended = run_client(program, f"ipc://{tmp_path}/nobody", "--connect-s", "0.1")
    assert ended.code == 3
    assert "nobody answered the handshake in time" in ended.complaint


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--seconds", "soon"), "--seconds: expected a number from 0 to 1e+07, found 'soon'"),
        (("--wait-share", "1.5"), "--wait-share: expected a number from 0 to 1, found '1.5'"),
        (("--expect-action", "gripper"), "expected NAME:SIZE:UNIT, found 'gripper'"),
        (("--colour", "red"), "see --help"),
        (("loudly",), "found 'loudly'"),
        (("--server-key", "nowhere"), "give both --server-key and --secret-key"),
        (("--endpoint", "localhost"), "'localhost' is no endpoint to connect to"),
    ],
)
def test_a_command_line_that_will_not_do(program, options, complaint):
    ended = run_client(program, "tcp://127.0.0.1:1", *options)
    assert ended.code == 2
    assert complaint in ended.complaint


def test_help_has_every_option(program):
    ended = run_client(program, "tcp://127.0.0.1:1", "--help")
    assert ended.code == 0
    for line in ("--endpoint ENDPOINT", "--secret-key FILE", "Example:"):
        assert line in ended.out
