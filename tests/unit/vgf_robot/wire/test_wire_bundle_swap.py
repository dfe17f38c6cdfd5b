"""One bundle in the place of another: what is refused, what is tried, and what is taken back."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.clocks import MS, FakeClock, FakeGraphs
from tests.commands import make_command
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller, Reason, Rung
from vgf_robot.errors import BundleError
from vgf_robot.realtime import RealTimeSettings
from vgf_robot.wire.answer import ReplyFacts, act_of
from vgf_robot.wire.bundle_swap import BundleSwap
from vgf_robot.wire.faults import ErrorKind
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import ErrorReply
from vgf_robot.wire.reload import NUM_WARM_UP_TICKS, Reload
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings

OLD, NEW, NEWER = "aa" * 32, "bb" * 32, "cc" * 32


@pytest.fixture
def make_policy(manifest):
    """A policy with graphs on a fake clock; keywords change the manifest."""
    clock = FakeClock(now_ns=10**12)

    def make(sha256, chooses=lambda particle: particle, **changes):
        changed = msgspec.structs.replace(manifest, **changes)
        graphs = FakeGraphs(clock, action_size=changed.action_size, action=chooses)
        return ServedBundle(
            source="folder",
            bundle=Bundle(Path("folder"), changed, sha256),
            controller=Controller(changed, {(4, 2): graphs}, clock=clock),
            facts=welcome(changed, sha256, ServeSettings()),
            graphs=(graphs,),
            opener=lambda bundle, variant, threads: graphs,
        )

    return make


def loads(policy):
    """Load as `ServedBundle.load` does, or fail as it does."""

    def load(accept):
        if isinstance(policy, Exception):
            raise policy
        accept(policy.facts)
        return policy

    return load


def result_of(reload):
    """Advance to the end; return the policy and how many pieces came before it."""
    reload.wait()
    for pieces in range(1000):
        policy = reload.advance(lambda: None)
        if policy is not None or reload.complaint:
            return policy, pieces
    pytest.fail("the reload came to no end")


def test_a_bundle_is_warmed_up_in_pieces_of_one_tick(make_policy):
    new = make_policy(NEW)
    reload = Reload(make_policy(OLD).facts, loads(new), RealTimeSettings())
    reload.wait()
    assert new.controller.costs().reference.estimate_ns is None
    assert reload.advance(lambda: None) is None
    assert new.graphs[0].calls.count("reference") == 1
    assert result_of(reload) == (new, NUM_WARM_UP_TICKS - 1)
    costs = new.controller.costs()
    assert (costs.reference.estimate_ns, costs.step.estimate_ns, costs.select.estimate_ns) == (2 * MS, MS, MS)


def test_it_is_rehearsed_before_its_graphs_are_loaded_and_not_where_nobody_wants_it(make_policy):
    done = []

    def load(accept):
        accept(make_policy(NEW).facts)
        done.append("loaded")
        return make_policy(NEW)

    Reload(make_policy(OLD).facts, load, RealTimeSettings(), lambda: done.append("rehearsed")).wait()
    assert done == ["rehearsed", "loaded"]
    Reload(make_policy(NEW).facts, load, RealTimeSettings(), lambda: done.append("rehearsed")).wait()
    assert done == ["rehearsed", "loaded"]


def test_what_arrives_during_a_piece_is_stamped(make_policy):
    reload = Reload(make_policy(OLD).facts, loads(make_policy(NEW)), RealTimeSettings())
    reload.wait()
    calls = []
    reload.advance(lambda: calls.append(1))
    assert calls


def test_threads_that_a_backend_starts_get_the_priority_of_those_it_has(make_policy, monkeypatch):
    raised, threads = [], [1, 2]

    class FakeSystem:
        def threads(self):
            return list(threads)

        def set_fifo(self, thread, priority):
            raised.append((thread, priority))

    def load(accept):
        threads.extend([3, 4])
        return make_policy(NEW)

    monkeypatch.setattr("vgf_robot.wire.reload.ThisSystem", FakeSystem)
    reload = Reload(make_policy(OLD).facts, load, RealTimeSettings(fifo_priority=40))
    reload.wait()
    assert sorted(raised) == [(0, 1), (3, 40), (4, 40)]  # 0 is the thread that loads: below the ticks


def test_the_same_bundle_again_is_no_change(make_policy):
    reload = Reload(make_policy(OLD).facts, loads(make_policy(OLD)), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert reload.unchanged
    assert "served already" in reload.complaint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"control_period_s": 0.02}, "0.02 s"),
        ({"action_kind": "torque"}, "'torque'"),
        ({"observation": "renamed"}, "target (2 in m)"),
        ({"observation": "reordered"}, "speed (1 in m/s)"),
        ({"action": "other unit"}, "displacement (2 in mm)"),
    ],
)
def test_a_bundle_for_another_robot_is_refused_before_its_graphs_are_loaded(make_policy, manifest, change, words):
    goal, speed = manifest.observation
    fields = {
        "renamed": (msgspec.structs.replace(goal, name="target"), speed),
        "reordered": (speed, goal),
        "other unit": (msgspec.structs.replace(manifest.action[0], unit="mm"),),
    }
    changes = {key: fields.get(value, value) for key, value in change.items()}
    reload = Reload(make_policy(OLD).facts, loads(make_policy(NEW, **changes)), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert "another robot" in reload.complaint
    assert words in reload.complaint


def test_other_limits_and_another_setting_are_the_same_robot(make_policy, manifest):
    wider = (msgspec.structs.replace(manifest.action[0], low=(-3.0, -3.0)),)
    point = msgspec.structs.replace(manifest.operating_point, max_steps=1)
    new = make_policy(NEW, action=wider, operating_point=point, safe_action=(0.1, 0.0))
    assert result_of(Reload(make_policy(OLD).facts, loads(new), RealTimeSettings()))[0] is new


def test_a_bundle_that_cannot_be_loaded_is_refused_with_its_own_sentence(make_policy, caplog):
    damaged = BundleError("weights.bin was changed.")
    reload = Reload(make_policy(OLD).facts, loads(damaged), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert reload.complaint == "weights.bin was changed."
    reload = Reload(make_policy(OLD).facts, loads(RuntimeError("no idea")), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert "no idea" in reload.complaint
    assert "not foreseen" in caplog.text


def test_a_bundle_that_answers_nonsense_is_refused(make_policy):
    nonsense = make_policy(NEW, chooses=lambda particle: np.full(2, np.nan))
    reload = Reload(make_policy(OLD).facts, loads(nonsense), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert "non_finite_action" in reload.complaint


def test_a_graph_that_fails_is_refused(make_policy):
    def fail(particle):
        raise RuntimeError("broken kernel")

    reload = Reload(make_policy(OLD).facts, loads(make_policy(NEW, chooses=fail)), RealTimeSettings())
    assert result_of(reload) == (None, 0)
    assert "broken kernel" in reload.complaint


@dataclass
class Stage:
    """A bundle_swap whose next bundles are given by hand."""

    policy: ServedBundle
    counters: Counter = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.served = self.policy
        self.bundle_swap = BundleSwap(
            self.policy, ServeSettings(), counters=self.counters, tell=self.told.append, clock=lambda: 0
        )

    def reload(self, policy, monkeypatch):
        monkeypatch.setattr(self.bundle_swap, "_load", loads(policy))
        self.bundle_swap.request()
        assert self.bundle_swap.restless
        for _ in range(1000):
            if self.bundle_swap._reload is not None:
                self.bundle_swap.close()
            if not self.bundle_swap.restless:
                return
            adopted = self.bundle_swap.advance(lambda: None)
            self.served = adopted or self.served
        pytest.fail("the reload came to no end")


@pytest.fixture
def stage(make_policy):
    return Stage(make_policy(OLD))


def act(rung, reason=Reason.COMPLETE):
    command = msgspec.structs.replace(make_command((0.0, 0.0), rung=rung), reason=reason)
    facts = ReplyFacts(
        sequence=1, episode=1, episode_tick=1, valid_for_us=0, queue_ns=0, server_ns=0, action=command.action
    )
    return act_of(command, facts)


FAULT = ErrorReply(version=1, sequence=1, kind=ErrorKind.INTERNAL, expected="an action", found="a fault", advice="")


def test_a_new_bundle_is_served_and_stays_after_its_first_good_answer(stage, make_policy, monkeypatch):
    new = make_policy(NEW)
    stage.reload(new, monkeypatch)
    assert (stage.served, stage.bundle_swap.facts, stage.bundle_swap.on_trial) == (new, new.facts, True)
    assert stage.bundle_swap.judge(act(Rung.REFERENCE)) is None
    assert not stage.bundle_swap.on_trial
    assert stage.counters == {"reload.done": 1}
    assert NEW[:12] in stage.told[0]


NO_GOOD = Reason.NON_FINITE_ACTION


@pytest.mark.parametrize("reply", [act(Rung.SAFE, NO_GOOD), act(Rung.HOLD, NO_GOOD), FAULT])
def test_a_first_answer_that_is_no_good_brings_the_old_bundle_back(stage, make_policy, monkeypatch, reply):
    stage.reload(make_policy(NEW), monkeypatch)
    assert stage.bundle_swap.judge(reply) is stage.policy
    assert not stage.bundle_swap.on_trial
    assert stage.bundle_swap.facts is stage.policy.facts
    assert stage.counters == {"reload.done": 1, "reload.taken_back": 1}
    assert "taken back" in stage.told[-1]
    assert OLD[:12] in stage.told[-1]


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.COMPLETE, NO_GOOD}))
def test_what_the_clock_or_a_client_brought_about_is_not_held_against_a_bundle(stage, make_policy, monkeypatch, reason):
    new = make_policy(NEW)
    stage.reload(new, monkeypatch)
    for reply in (act(Rung.SAFE, reason), act(Rung.HOLD, reason)):
        assert stage.bundle_swap.judge(reply) is None
    assert (stage.bundle_swap.on_trial, stage.bundle_swap.facts) == (True, new.facts)
    assert stage.bundle_swap.judge(FAULT) is stage.policy  # which is still there to go back to


def test_a_bad_bundle_changes_nothing_and_is_one_sentence(stage, make_policy, monkeypatch):
    stage.reload(BundleError("weights.bin was changed."), monkeypatch)
    stage.reload(make_policy(OLD), monkeypatch)
    assert stage.served is stage.policy
    assert not stage.bundle_swap.on_trial
    assert stage.counters == {"reload.refused": 1, "reload.unchanged": 1}
    assert len(stage.told) == 2
    assert stage.told[0].startswith("Reload refused: weights.bin was changed. Still serving tiny (aaaaaaaaaaaa)")


def test_a_third_bundle_before_the_second_was_asked_goes_back_to_the_first(stage, make_policy, monkeypatch):
    stage.reload(make_policy(NEW), monkeypatch)
    newer = make_policy(NEWER)
    stage.reload(newer, monkeypatch)
    assert stage.served is newer
    assert stage.bundle_swap.judge(FAULT) is stage.policy


def test_the_graphs_of_the_old_bundle_are_let_go(stage, make_policy, monkeypatch):
    stage.reload(make_policy(NEW), monkeypatch)
    assert not stage.bundle_swap.restless
    stage.bundle_swap.judge(act(Rung.TRANSPORT))
    assert stage.bundle_swap.restless
    stage.bundle_swap.advance(lambda: None)
    assert not stage.bundle_swap.restless


def test_a_request_during_a_reload_is_not_forgotten(stage, make_policy, monkeypatch):
    monkeypatch.setattr(stage.bundle_swap, "_load", loads(make_policy(OLD)))
    stage.bundle_swap.request()
    stage.bundle_swap.advance(lambda: None)
    stage.bundle_swap.request()
    stage.bundle_swap.close()
    stage.bundle_swap.advance(lambda: None)
    assert stage.counters == {"reload.unchanged": 1}
    assert stage.bundle_swap.restless
    stage.bundle_swap.advance(lambda: None)
    stage.bundle_swap.close()
    stage.bundle_swap.advance(lambda: None)
    assert stage.counters == {"reload.unchanged": 2}
