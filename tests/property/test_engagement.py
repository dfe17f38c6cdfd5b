"""What holds of engagement for every sequence of commands, silences and words."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.bundles import make_bundle
from tests.clocks import MS
from tests.commands import make_command
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Rung
from vgf_robot.engagement import Engagement, EngagementError, EngagementSettings, EngagementState

PERIOD_NS = 50 * MS
BLEND_PERIODS = 8
SETTINGS = EngagementSettings(
    blend_s=BLEND_PERIODS * 0.05, max_fallback_periods=3, max_stale_periods=3, outside_window=6, max_outside_share=0.5
)
KINDS = ("absolute", "delta", "velocity", "torque")

entries = st.floats(-2.0, 2.0, width=32)
vectors = st.tuples(entries, entries)
actions = vectors | st.sampled_from([(np.nan, 0.0), (np.inf, 1.0)])
poses = st.none() | vectors | st.just((np.nan, 0.0)) | st.tuples(st.floats(-9, 9), entries)
waits_ns = st.integers(-PERIOD_NS, 5 * PERIOD_NS)
commands = st.tuples(
    st.just("admit"),
    actions,
    st.sampled_from(Rung),
    st.sampled_from([0.0, 0.01, 1.0]),
    st.integers(0, 3),
    poses,
    waits_ns,
)
words = st.sampled_from([("engage",), ("disengage",), ("clear",), ("lost",)])
good = st.tuples(
    st.just("admit"),
    vectors,
    st.just(Rung.TRANSPORT),
    st.just(0.0),
    st.just(0),
    st.just((0.0, 0.0)),
    st.just(PERIOD_NS),
)
events = st.lists(commands | good | words, max_size=60)


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    limits = {None: "free", (3.0, 1.0): "limited"}
    return {
        (kind, limit): Bundle.load(
            make_bundle(folder / f"{kind}-{name}", action_kind=kind, action_rate_limit=limit, safe_action=(0.25, 0.0))
        ).manifest
        for kind in KINDS
        for limit, name in limits.items()
    }


class Play:
    """Plays events to an engagement; keeps what was sent."""

    def __init__(self, manifest) -> None:
        self.engagement = Engagement(manifest, SETTINGS)
        self.now_ns = 10**12

    def __call__(self, event):
        """Return the action sent, None for nothing, of an event."""
        match event:
            case ("admit", action, rung, limited, num_outside, pose, wait_ns):
                self.now_ns += wait_ns
                command = make_command(action, rung=rung, limited=limited, num_outside=num_outside)
                pose = None if pose is None else np.array(pose, np.float32)
                return self.engagement.admit(command, pose=pose, now_ns=self.now_ns)
            case ("lost",):
                self.engagement.lost("nothing new")
            case ("engage",):
                try:
                    self.engagement.engage()
                except EngagementError:
                    assert self.engagement.state is EngagementState.FAULT
            case (word,):
                getattr(self.engagement, word)()
        return None


@settings(deadline=None, max_examples=200)
@given(kind=st.sampled_from(KINDS), limit=st.sampled_from([None, (3.0, 1.0)]), events=events)
def test_what_is_sent_is_finite_and_inside_the_limits_and_their_rate(manifests, kind, limit, events):
    play, before = Play(manifests[kind, limit]), None
    for event in [("engage",), *events]:
        state = play.engagement.state
        sent = play(event)
        if event[0] != "admit":
            before = None if event[0] in ("disengage", "clear") else before
            continue
        if state is EngagementState.DISENGAGED:
            assert sent is None
        if sent is None:
            continue
        assert (np.abs(sent) <= 2).all()
        assert (sent.dtype, sent.shape) == (np.float32, (2,))
        if before is not None and limit is not None:
            assert (np.abs(sent.astype(np.float64) - before) <= 0.05 * np.array(limit) + 1e-12).all()
        before = sent


@settings(deadline=None, max_examples=200)
@given(kind=st.sampled_from(KINDS), events=events)
def test_nothing_but_clearing_leaves_a_fault_and_every_fault_has_its_sentence(manifests, kind, events):
    play = Play(manifests[kind, None])
    for event in [("engage",), *events]:
        before = play.engagement.state
        play(event)
        after = play.engagement.state
        if before is EngagementState.FAULT:
            assert after is (EngagementState.DISENGAGED if event == ("clear",) else EngagementState.FAULT)
        if before is EngagementState.DISENGAGED and after is not before:
            assert event == ("engage",)
            assert after is EngagementState.CHECKING
        if after is EngagementState.ENGAGED and before is not after:
            assert before is EngagementState.BLENDING_IN
        assert (play.engagement.reason != "") is (after is EngagementState.FAULT)


@settings(deadline=None, max_examples=200)
@given(kind=st.sampled_from(KINDS), later=st.lists(st.tuples(vectors, st.booleans(), waits_ns), max_size=20))
def test_while_blending_a_step_is_the_policys_own_and_a_share_of_the_range(manifests, kind, later):
    """Between two actions the mixture moves as far as the policy does, and the weight by a period of the blend."""
    play = Play(manifests[kind, None])
    play.engagement.engage()
    wanted = np.zeros(2)
    sent = play(("admit", (0.0, 0.0), Rung.TRANSPORT, 0.0, 0, (0.0, 0.0), PERIOD_NS))
    assert sent.tolist() == ([0.0, 0.0] if kind == "absolute" else [0.25, 0.0])
    for action, fresh, wait_ns in later:
        new = np.array(action) if fresh else wanted  # off the ladder comes what the policy wanted last
        rung = Rung.TRANSPORT if fresh else Rung.HOLD
        after = play(("admit", tuple(new), rung, 0.0, 0, None, wait_ns))
        if play.engagement.state is not EngagementState.BLENDING_IN:
            return
        allowed = np.abs(new - wanted) + (4.0 / BLEND_PERIODS if fresh else 0.0)
        assert (np.abs(after - sent) <= allowed + 1e-6).all()
        wanted, sent = new, after


@settings(deadline=None, max_examples=100)
@given(action=vectors)
def test_no_absolute_action_is_the_first_without_a_pose(manifests, action):
    play = Play(manifests["absolute", None])
    play(("engage",))
    assert play(("admit", action, Rung.TRANSPORT, 0.0, 0, None, PERIOD_NS)) is None
    assert play.engagement.state is EngagementState.FAULT


@settings(deadline=None, max_examples=100)
@given(pose=vectors, action=vectors)
def test_the_first_absolute_action_is_near_the_pose_or_nothing_is_sent(manifests, pose, action):
    play = Play(manifests["absolute", None])
    play.engagement.engage()
    sent = play(("admit", action, Rung.TRANSPORT, 0.0, 0, pose, PERIOD_NS))
    change = np.abs(np.array(action) - np.array(pose)).max()
    assume(abs(change - 0.4) > 1e-6)
    near = bool(change < 0.4)
    assert (sent is not None) is near
    if near:
        np.testing.assert_array_equal(sent, np.array(pose, np.float32))
