"""Whether one more client fits; the bundle's period is 50 ms and answers are wanted after 90 % of it."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgf_robot.wire.admission import Pace, answer_cost_ns, pace_of, require_room, utilisation
from vgf_robot.wire.faults import ErrorKind, RefusedError

MS = 1_000_000
PACES = st.builds(Pace, period_ns=st.integers(MS, 10_000 * MS), deadline_ns=st.integers(MS, 10_000 * MS))


def at(rate_hz):
    return pace_of(rate_hz, control_period_s=0.05, deadline_share=0.9)


def costs(reference_ns, select_ns):
    return SimpleNamespace(
        reference=SimpleNamespace(estimate_ns=reference_ns), select=SimpleNamespace(estimate_ns=select_ns)
    )


def test_the_bundles_period_is_the_pace_of_who_says_nothing():
    assert at(None) == at(20.0) == Pace(period_ns=50 * MS, deadline_ns=45 * MS)


def test_a_slower_client_has_later_deadlines():
    assert at(5) == Pace(period_ns=200 * MS, deadline_ns=180 * MS)
    assert at(5).window_ns == 180 * MS


@pytest.mark.parametrize("rate_hz", [20.1, 0.0, -1.0, math.inf, math.nan])
def test_a_rate_that_will_not_do_is_refused(rate_hz):
    with pytest.raises(RefusedError, match="at most 20 Hz") as caught:
        at(rate_hz)
    assert caught.value.kind is ErrorKind.MISMATCH


@pytest.mark.parametrize("rate_hz", [1e-12, 1e-300])
def test_hardly_ever_is_once_an_hour(rate_hz):
    assert at(rate_hz).period_ns == 3600 * 10**9


def test_rates_in_decimal_are_the_bundles():
    assert pace_of(125.0, control_period_s=0.008, deadline_share=1.0).period_ns == 8 * MS


def test_the_cost_is_that_of_an_answer_without_a_step_and_of_the_server():
    assert answer_cost_ns(costs(2 * MS, MS), [MS] * 9) == 4 * MS
    assert answer_cost_ns(costs(2 * MS, MS), [MS] * 5 + [900 * MS] * 4) == 4 * MS


def test_few_answers_say_nothing_of_the_servers_own_part():
    assert answer_cost_ns(costs(2 * MS, MS), [900 * MS] * 7) == 3 * MS


def test_what_is_not_known_is_not_nothing():
    assert answer_cost_ns(costs(None, MS), []) is None
    assert answer_cost_ns(costs(MS, None), []) is None


@given(st.floats(1, 1e9), st.lists(PACES, max_size=8), PACES)
def test_every_client_adds_its_own_share(cost_ns, paces, pace):
    before, after = utilisation(cost_ns, paces), utilisation(cost_ns, [*paces, pace])
    assert after - before == pytest.approx(cost_ns / min(pace.period_ns, pace.deadline_ns))


@given(st.floats(1, 1e9), st.lists(PACES, max_size=8), PACES, st.floats(0.1, 1.0))
def test_whoever_is_let_in_beside_others_fits(cost_ns, others, newcomer, limit):
    try:
        require_room(cost_ns, others, newcomer, limit)
    except RefusedError:
        assert others
        assert utilisation(cost_ns, [*others, newcomer]) > limit
    else:
        assert not others or utilisation(cost_ns, [*others, newcomer]) <= limit


def test_one_more_than_fits_is_refused_in_words():
    nine = 4.5 * MS  # a tenth of the 45 ms that each answer has
    for others in range(8):
        require_room(nine, [at(None)] * others, at(None), 0.8)
    with pytest.raises(RefusedError) as caught:
        require_room(nine, [at(None)] * 8, at(None), 0.8)
    assert caught.value.kind is ErrorKind.OVERLOADED
    assert caught.value.kind.servers_fault
    for words in ("80%", "90%", "8 others", "4.5 ms", "45 ms", "rate_hz"):
        assert words in str(caught.value)


def test_a_slower_client_fits_where_another_does_not():
    require_room(4.5 * MS, [at(None)] * 7, at(10), 0.8)
    require_room(4.5 * MS, [at(10)] * 15, at(10), 0.8)


def test_who_is_alone_is_never_refused_and_nobody_where_costs_are_unknown():
    require_room(900 * MS, [], at(None), 0.8)
    require_room(None, [at(None)] * 1000, at(None), 0.8)
