"""Which setting is chosen, from episodes made up by hand."""

from __future__ import annotations

import numpy as np

from sim.tuning.candidates import Candidate, Shape
from sim.tuning.choosing import choose
from sim.tuning.request import TuneRequest
from sim.tuning.screening import Prediction, Screened
from sim.tuning.simulating import Cell, Simulated

REQUEST = TuneRequest(deadline_ms=(5.0,), miss_rate=0.01)


def candidate(max_steps: int, num_particles: int = 10) -> Candidate:
    return Candidate(
        shape=Shape(num_particles, 5, "float32"),
        max_steps=max_steps,
        step_size=0.1 if max_steps else None,
        selection="argmax",
        max_distance=None,
    )


def screened(setting: Candidate, deadline_ms: float = 5.0, left_out: str | None = None) -> Screened:
    prediction = Prediction(miss_rate=0.0, whole=1.0, mean_steps=setting.max_steps, tick_ms=None)
    return Screened(
        candidate=setting, deadline_ms=deadline_ms, prediction=prediction, left_out=left_out, simulated_ms=deadline_ms
    )


def simulated(setting: Candidate, returns: object, miss_rate: float = 0.0, success: bool | None = None) -> Simulated:
    episodes = [{"episode": i, "success": success, "return": value} for i, value in enumerate(np.asarray(returns))]
    return Simulated(episodes=episodes, row={"mean_steps": float(setting.max_steps), "miss_rate": miss_rate})


def chosen(worth: dict[Candidate, Simulated]) -> Candidate:
    settings = [screened(each) for each in worth]
    choices = choose(REQUEST, settings, {Cell(each, 5.0): found for each, found in worth.items()}, None)
    return choices[5.0].screened.candidate


def test_what_seeds_have_in_common_hides_no_difference() -> None:
    luck = np.random.default_rng(0).normal(0, 1000, 20)
    none, four = candidate(0), candidate(4)
    # Ten more on every seed, beside a luck of a thousand.
    assert chosen({none: simulated(none, luck), four: simulated(four, luck + 10)}) == four


def test_of_settings_that_are_as_good_the_cheapest_is_taken() -> None:
    none, two, four = candidate(0), candidate(2), candidate(4)
    best = np.array([100.0, 100.0, 100.0, 100.0])
    # Short of the best by 1 on average, which is 0.8 and 1.2 standard errors.
    near, far = best - [1 - 2.16, 1 + 2.16, 1 - 2.16, 1 + 2.16], best - [1 - 1.44, 1 + 1.44, 1 - 1.44, 1 + 1.44]
    assert chosen({four: simulated(four, best), two: simulated(two, near), none: simulated(none, far)}) == two
    assert chosen({four: simulated(four, best), two: simulated(two, far), none: simulated(none, near)}) == none


def test_fewer_particles_are_cheaper_where_the_steps_are_as_many() -> None:
    few, many = candidate(1, 4), candidate(1, 10)
    same = [1.0, 2.0, 3.0]
    assert chosen({many: simulated(many, same), few: simulated(few, same)}) == few


def test_a_setting_that_missed_too_often_when_it_was_simulated_is_not_chosen() -> None:
    none, four = candidate(0), candidate(4)
    worth = {none: simulated(none, [1.0, 1.1]), four: simulated(four, [9.0, 9.1], miss_rate=0.02)}
    assert chosen(worth) == none
    settings = [screened(each, left_out="misses" if each is four else None) for each in worth]
    assert not choose(REQUEST, [each for each in settings if each.left_out], {}, None)


def test_the_bundles_own_setting_and_the_best_without_a_step_are_the_rivals() -> None:
    none, one, four = candidate(0), candidate(0, 1), candidate(4)
    worth = {
        none: simulated(none, [2.0, 2.1]),
        one: simulated(one, [1.0, 1.1]),
        four: simulated(four, [9.0, 9.1]),
    }
    found = choose(REQUEST, [screened(each) for each in worth], {Cell(c, 5.0): s for c, s in worth.items()}, four)
    assert {mode: each.candidate for mode, each in found[5.0].rivals.items()} == {"best-of-n": none, "sealed": four}
