"""Who is let in, who makes room, and what a session takes over from the one before."""

import pytest

from vgf_robot.wire.admission import Pace
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.session import Session
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState

MS = 1_000_000
WINDOW_NS = 50 * MS
COST_NS = 10 * MS  # a fifth of the window: four clients fit


@pytest.fixture
def state():
    return ServerState.of(ServeSettings(max_clients=8, evict_silent_s=3.0))


def session(now_ns=0, *, bundle="a", window_ns=WINDOW_NS):
    pace = Pace(period_ns=window_ns, deadline_ns=window_ns)
    return Session(name="robot", address=b"1", last_sequence=1, last_heard_ns=now_ns, bundle_sha256=bundle, pace=pace)


def fill(state, count=4):
    for index in range(count):
        state.open_session(b"%d" % index, session(), COST_NS)


def test_as_many_as_fit_and_no_more(state):
    fill(state)
    with pytest.raises(RefusedError) as caught:
        state.open_session(b"more", session(), COST_NS)
    assert caught.value.kind is ErrorKind.OVERLOADED
    assert len(state.sessions) == 4


def test_a_place_that_is_left_is_given_away(state):
    fill(state)
    state.forget(b"2")
    state.open_session(b"more", session(), COST_NS)
    assert b"more" in state.sessions


def test_those_who_have_been_silent_make_room(state):
    fill(state)
    state.sessions[b"1"].last_heard_ns = 2_000 * MS
    state.sessions[b"3"].last_heard_ns = 2_000 * MS
    state.open_session(b"more", session(3_001 * MS), COST_NS)
    assert set(state.sessions) >= {b"1", b"3", b"more"}
    assert state.counters["sessions_dropped"] == 1


def test_who_is_here_may_greet_again_whatever_it_costs_by_now(state):
    fill(state)
    state.open_session(b"1", session(), 10 * COST_NS)
    with pytest.raises(RefusedError):
        state.open_session(b"1", session(window_ns=WINDOW_NS // 2), COST_NS)


def test_a_second_hello_forgets_the_episode_unless_the_bundle_has_changed(state):
    state.open_session(b"a", session(), None)
    episode = state.sessions[b"a"].enter(4, 7, lambda seed: f"episode of {seed}")
    state.sessions[b"a"].ticks = 9
    state.open_session(b"a", session(bundle="b"), None)
    assert state.sessions[b"a"].enter(4, 8, pytest.fail) == episode
    assert state.sessions[b"a"].ticks == 9
    state.open_session(b"a", session(bundle="b"), None)
    assert state.sessions[b"a"].enter(4, 8, lambda seed: f"episode of {seed}") == "episode of 8"
