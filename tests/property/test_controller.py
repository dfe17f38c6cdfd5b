"""What holds for every input: time, limits, noise, costs."""

import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundles import make_bundle
from tests.clocks import MS, FakeClock, FakeGraphs, scripted
from vgf_robot.bundle import Bundle, Field
from vgf_robot.controller import Budget, Controller, ControllerSettings, Rung
from vgf_robot.controller.costs import StageCost
from vgf_robot.controller.limits import Limits
from vgf_robot.controller.noise import NoiseStream

OBSERVATION = np.zeros(3, np.float32)
durations = st.integers(0, 5 * MS)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return Bundle.load(make_bundle(tmp_path_factory.mktemp("bundles") / "tiny", max_steps=6)).manifest


def controlled(manifest, known, actual):
    """A controller whose costs are `known`, on graphs that will take `actual`."""
    clock = FakeClock()
    graphs = FakeGraphs(clock)
    controller = Controller(manifest, {(4, 2): graphs}, ControllerSettings(margin_rise=0.002), clock)
    costs = controller.costs()
    for cost, duration_ns in zip((costs.reference, costs.step, costs.select), known, strict=True):
        if duration_ns is not None:
            cost.record(duration_ns)
    graphs.reference_cost = scripted(actual[:1], 0)
    graphs.step_cost = scripted(actual[2:], 0)
    graphs.select_cost = scripted(actual[1:2], 0)
    return controller, graphs, clock


@settings(deadline=None, max_examples=150)
@given(
    known=st.tuples(*[st.none() | durations] * 3),
    actual=st.lists(durations, min_size=8, max_size=8),
    less=st.integers(-MS, 40 * MS),
    more=st.integers(0, 40 * MS),
)
def test_less_time_never_gives_more_steps(manifest, known, actual, less, more):
    steps = []
    for deadline_ns in (less, less + more, None):
        controller, _, _ = controlled(manifest, known, actual)
        steps.append(controller.tick(controller.begin_episode(0), OBSERVATION, deadline_ns).steps)
    assert steps == sorted(steps)
    assert steps[-1] == 6


@settings(deadline=None, max_examples=100)
@given(
    known=st.tuples(*[st.none() | durations] * 3),
    actual=st.lists(durations, min_size=8, max_size=8),
    deadline_ns=st.integers(-MS, 40 * MS),
    max_steps=st.integers(0, 6),
)
def test_every_tick_ends_in_a_command_inside_its_budget(manifest, known, actual, deadline_ns, max_steps):
    controller, graphs, clock = controlled(manifest, known, actual)
    episode = controller.begin_episode(0)
    command = controller.tick(episode, OBSERVATION, deadline_ns, Budget(max_steps=max_steps))
    assert command.steps <= max_steps
    assert command.timings.tick_ns == clock()
    assert episode.tick == 1
    assert (np.abs(command.action) <= 2).all()
    if command.rung in (Rung.TRANSPORT, Rung.REFERENCE):
        assert graphs.calls[-1] == "select"
    else:
        assert command.rung is Rung.SAFE


@settings(deadline=None, max_examples=100)
@given(actual=st.lists(durations, min_size=8, max_size=8), deadlines=st.lists(st.integers(0, 20 * MS), max_size=4))
def test_noise_depends_on_seed_and_tick_alone(manifest, actual, deadlines):
    controller, graphs, clock = controlled(manifest, (None, None, None), actual)
    episode = controller.begin_episode(7)
    for deadline_ns in deadlines:
        controller.tick(episode, OBSERVATION, clock() + deadline_ns)
    controller.tick(episode, OBSERVATION, None, Budget(selection="softmax"))
    tick, expected, selection = len(deadlines), np.empty((4, 2), np.float32), np.empty(4, np.float32)
    NoiseStream(7).fill_particles(tick, expected)
    NoiseStream(7).fill_selection(tick, "softmax", selection)
    np.testing.assert_array_equal(graphs.noises[-1], expected)
    np.testing.assert_array_equal(graphs.selection_noises[-1], selection)


@given(seed=st.integers(0, 2**128 - 1), tick=st.integers(0, 2**40))
def test_neighbouring_ticks_and_seeds_see_other_noise(seed, tick):
    draws = []
    for one_seed, one_tick in ((seed, tick), (seed, tick + 1), (seed ^ 1, tick)):
        out = np.empty((2, 2), np.float32)
        NoiseStream(one_seed).fill_particles(one_tick, out)
        draws.append(out.tobytes())
    assert len(set(draws)) == 3


def test_gumbel_noise_makes_argmax_a_softmax_choice():
    weights = np.log([0.1, 0.2, 0.7])
    counts, out, stream = np.zeros(3), np.empty(3, np.float32), NoiseStream(0)
    for tick in range(4000):
        stream.fill_selection(tick, "softmax", out)
        counts[np.argmax(weights + out)] += 1
    np.testing.assert_allclose(counts / counts.sum(), [0.1, 0.2, 0.7], atol=0.03)


@given(
    events=st.lists(st.none() | st.integers(0, 1000), max_size=60),
    window=st.integers(1, 12),
    quantile=st.floats(0.01, 1.0),
)
def test_costs_equal_a_quantile_counted_by_hand(events, window, quantile):
    cost = StageCost(window, quantile)
    for number, event in enumerate(events, start=1):
        if event is None:
            cost.skip()
        else:
            cost.record(event)
        ever = [sample for sample in events[:number] if sample is not None]
        kept = [sample for sample in events[max(0, number - window) : number] if sample is not None]
        enough = [s for s in kept if sum(other <= s for other in kept) >= math.ceil(quantile * len(kept))]
        assert cost.estimate_ns == (min(enough) if kept else min(ever, default=None))


@given(
    before=st.lists(st.integers(0, 10), min_size=1, max_size=30),
    spike=st.integers(100, 10**9),
    window=st.integers(1, 20),
)
def test_a_spike_leaves_after_one_window_whether_the_stage_runs_or_not(before, spike, window):
    for after in (lambda cost: cost.record(5), lambda cost: cost.skip()):
        cost = StageCost(window, 0.99)
        for sample in before:
            cost.record(sample)
        cost.record(spike)
        for _ in range(window):
            after(cost)
        assert cost.estimate_ns <= 10


numbers = st.floats(-1e6, 1e6, allow_nan=False)
float32s = st.floats(-(2.0**100), 2.0**100, width=32)


@st.composite
def limited_walks(draw):
    """Limits of two entries, a period, and the actions asked for in turn, each with the time since the one before."""
    low = [draw(numbers) for _ in range(2)]
    high = [bound + draw(st.floats(1e-3, 1e5)) * max(1.0, abs(bound)) for bound in low]
    rate = draw(st.none() | st.tuples(*[st.floats(1e-6, 1e6)] * 2))
    period_s = draw(st.floats(1e-3, 1.0))
    passed_ns = st.integers(0, 2 * 10**9)
    wanted = draw(st.lists(st.tuples(st.tuples(float32s, float32s), passed_ns), min_size=1, max_size=6))
    return low, high, rate, period_s, wanted


@settings(deadline=None, max_examples=300)
@given(limited_walks())
def test_limits_are_never_exceeded(walk):
    low, high, rate, period_s, wanted = walk
    field = Field(name="a", size=2, unit="1", low=tuple(low), high=tuple(high))
    limits = Limits(SimpleNamespace(action=(field,), action_rate_limit=rate, control_period_s=period_s))
    previous = None
    for entry, passed_ns in wanted:
        action = np.array(entry, np.float32)
        limited, change = limits.apply(action, previous, passed_ns)
        exact = limited.astype(np.float64)
        assert limited.dtype == np.float32
        assert np.isfinite(exact).all()
        assert (np.array(low) <= exact).all()
        assert (exact <= np.array(high)).all()
        assert change == np.abs(limited - action).max()
        if previous is not None and rate is not None:
            assert (np.abs(exact - previous) <= np.array(rate) * min(passed_ns * 1e-9, period_s)).all()
        previous = limited


@given(st.tuples(st.floats(-1, 1, width=32), st.floats(-1, 1, width=32)))
def test_an_action_inside_the_limits_is_left_alone(entry):
    field = Field(name="a", size=2, unit="1", low=(-1.0, -1.0), high=(1.0, 1.0))
    limits = Limits(SimpleNamespace(action=(field,), action_rate_limit=(1e3, 1e3), control_period_s=0.1))
    action = np.array(entry, np.float32)
    limited, change = limits.apply(action, np.zeros(2, np.float32), 10**8)
    np.testing.assert_array_equal(limited, action)
    assert change == 0.0
    assert limited is not action


@st.composite
def busy_machines(draw):
    """A rate limit, and for each of many ticks the time before it, the deadline, and what the stages will take."""
    rate = draw(st.none() | st.tuples(*[st.floats(0.1, 100)] * 2))
    max_age = draw(st.integers(0, 3))
    stage = st.sampled_from([0, MS, 2 * MS, 5 * MS, 30 * MS])
    tick = st.tuples(st.integers(0, 120 * MS), st.integers(-MS, 12 * MS), st.tuples(stage, stage, stage))
    return rate, max_age, draw(st.lists(tick, min_size=20, max_size=60))


def driven(manifest, machine):
    """Yield each command with the action and the time of the one before, and its own time."""
    rate, max_age, ticks = machine
    clock = FakeClock()
    graphs = FakeGraphs(clock)
    manifest = msgspec.structs.replace(manifest, action_kind="absolute", action_rate_limit=rate)
    settings = ControllerSettings(window=8, margin_rise=0.002, max_rescored_age_ticks=max_age)
    controller = Controller(manifest, {(4, 2): graphs}, settings, clock)
    controller.warm_up()
    episode = controller.begin_episode(3)
    for waited_ns, within_ns, costs in ticks:
        clock.advance(waited_ns)
        graphs.reference_cost, graphs.step_cost, graphs.select_cost = (scripted([], cost) for cost in costs)
        before = episode.previous_action, episode.commanded_ns
        command = controller.tick(episode, OBSERVATION, clock() + within_ns)
        yield command, *before, episode.commanded_ns


@settings(deadline=None, max_examples=150)
@given(busy_machines())
def test_whatever_the_rung_the_action_is_finite_and_inside_its_limits(manifest, machine):
    rate, max_age, _ = machine
    age = None
    for command, previous, before_ns, now_ns in driven(manifest, machine):
        action = command.action.astype(np.float64)
        assert np.isfinite(action).all()
        assert (np.abs(action) <= 2).all()
        if previous is not None and rate is not None:
            allowed = np.array(rate) * min((now_ns - before_ns) * 1e-9, manifest.control_period_s)
            assert (np.abs(action - previous) <= allowed).all()
        age = 0 if command.rung in (Rung.TRANSPORT, Rung.REFERENCE) else None if age is None else age + 1
        if command.rung is Rung.RESCORED:
            assert age is not None
            assert age <= max_age
        if command.rung is Rung.HOLD:
            np.testing.assert_array_equal(command.action, previous)


def test_random_timing_reaches_every_rung(manifest):
    reached = set()
    generator = np.random.default_rng(0)
    ticks = [
        (int(generator.integers(0, 50 * MS)), int(generator.integers(-MS, 12 * MS)), (2 * MS, MS, MS))
        for _ in range(2000)
    ]
    for command, *_ in driven(manifest, (None, 1, ticks)):
        reached.add(command.rung)
    assert reached >= set(Rung) - {Rung.SAFE}  # safe only where there is nothing to hold


@settings(deadline=None, max_examples=100)
@given(busy_machines(), st.integers(-MS, 12 * MS), st.integers(0, 12 * MS))
def test_after_any_past_less_time_never_gives_more_steps(manifest, machine, less, more):
    rate, max_age, ticks = machine
    steps = []
    for within_ns in (less, less + more):
        last = (0, within_ns, (MS, MS, MS))
        *_, (command, _, _, _) = driven(manifest, (rate, max_age, [*ticks, last]))
        steps.append(command.steps)
    assert steps == sorted(steps)
