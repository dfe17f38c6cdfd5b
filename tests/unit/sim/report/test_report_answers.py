"""Which budget is chosen, what transport is worth and what breaks a budget first, on episodes that are made up."""

from __future__ import annotations

import re

import pytest

from sim.faults import FaultSet
from sim.report.answers import answers
from sim.report.caution import cautions
from sim.report.choice import choose
from sim.report.difference import Difference
from sim.report.frontier import WorkingPoint, bought, frontier
from sim.report.severity_curve import severity_curves, worst_first
from sim.report.task import Task
from sim.report.timing import MissRate, TickTime, floor_of
from sim.scores.score import Score
from sim.suite.suite import Scenario
from tests.unit.sim.report.tasks import NUM, around, episodes, task_of
from vgf_robot.config import from_mapping

LATE = Scenario(name="late", faults=from_mapping({"action_delay": {"delay_s": 0.02}}, FaultSet, "the test"))


def said(task: Task, *, sealed_still: bool = False) -> str:
    return "\n".join(answers(task, [LATE], sealed_still=sealed_still))


def test_transport_that_pays_is_chosen() -> None:
    task = task_of(episodes("still", around(100)), episodes("moving", around(200), max_steps=4))
    choice = choose(task, task.clear)
    assert choice.chosen.budget == choice.best.budget == "moving"
    assert choice.transport is not None
    assert choice.transport.sign == 1
    text = said(task)
    assert "Take: “moving” (10 particles, up to 4 steps of 0.3). It returns 200 (" in text
    assert "Transport: pays. “moving” against “still”: +100 (+100 to +100), p < 0.001." in text


def test_transport_that_costs_is_not() -> None:
    task = task_of(episodes("still", around(200)), episodes("moving", around(100), max_steps=4))
    assert choose(task, task.clear).chosen.budget == "still"
    assert "Transport: costs; best of 10 without transport is the better choice." in said(task)


def test_what_cannot_be_told_apart_is_chosen_by_its_price() -> None:
    luck = [100 + (1 if number % 2 else -1) * 5 for number in range(NUM)]
    other = [201 - value for value in luck]  # half a point more on average, now better and now worse
    task = task_of(episodes("still", luck), episodes("moving", other, max_steps=4))
    choice = choose(task, task.clear)
    assert (choice.best.budget, choice.chosen.budget) == ("moving", "still")
    text = said(task)
    assert re.search(r"The highest score, 101 \(.*\) of “moving”, costs more and is not clearly higher", text)
    assert "no difference that 12 pairs of episodes show, so best of 10 without transport is the better choice" in text


def test_a_bundle_that_was_sealed_without_steps_says_so() -> None:
    task = task_of(episodes("one", around(5), num_particles=1), episodes("ten", around(90)))
    assert "sealed at no step" in said(task, sealed_still=True)
    assert "best of 10 without transport, “ten”, is the choice" in said(task, sealed_still=True)
    assert "no budget here takes a step" in said(task)


def test_of_equal_scores_the_cheaper_one_is_the_best() -> None:
    rows = [episodes(name, [1] * NUM, success=True, num_particles=count) for name, count in (("ten", 10), ("four", 4))]
    task = task_of(*rows)
    choice = choose(task, task.clear)
    assert choice.best.budget == choice.chosen.budget == "four"
    assert "best of 4 without transport, “four”, is the choice" in said(task, sealed_still=True)
    assert "costs more" not in said(task)


def test_a_budget_that_is_better_under_a_fault_is_named_where_no_budget_takes_steps() -> None:
    task = task_of(
        episodes("four", around(100), num_particles=4),
        episodes("ten", around(100)),
        episodes("four", around(20), num_particles=4, scenario="late", severity=1.0),
        episodes("ten", around(80), scenario="late", severity=1.0),
    )
    assert "Better than “four” under faults: “ten” under late at 1, +60 (+60 to +60)." in said(task)


def test_only_steps_say_nothing_about_transport() -> None:
    assert "nothing here says whether they pay" in said(task_of(episodes("moving", around(5), max_steps=1)))


def test_half_of_the_score_is_lost_between_two_severities() -> None:
    task = task_of(
        episodes("still", around(100)),
        episodes("still", around(80), scenario="late", severity=0.5),
        episodes("still", around(30), scenario="late", severity=1.0),
        episodes("still", around(90), scenario="noisy", severity=0.5),
        episodes("still", around(60), scenario="noisy", severity=1.0),
        episodes("still", around(40), scenario="heavy", severity=0.5),
        episodes("still", around(20), scenario="heavy", severity=1.0),
    )
    curves = worst_first(severity_curves(task, "still"))
    assert [curve.scenario for curve in curves] == ["heavy", "late", "noisy"]
    assert curves[0].half_severity == pytest.approx(0.5 * 50 / 60)
    assert curves[1].half_severity == pytest.approx(0.5 + 0.5 * 30 / 50)
    assert curves[2].half_severity is None
    text = said(task)
    assert (
        "What breaks “still” first: heavy takes half of the score at a severity of about 0.42; then late at 0.8."
        in text
    )
    assert "One other does not clearly take half, even at its full size." in text


def test_a_loss_that_can_be_chance_breaks_nothing() -> None:
    task = task_of(
        episodes("still", [1, 0, 1], success=True),
        episodes("still", [0, 1, 0], success=True, scenario="late", severity=1.0),
    )
    (curve,) = severity_curves(task, "still")
    assert curve.half_severity is None
    assert "nothing here takes half of its score; the worst is late, which leaves 33 %" in said(task)


def test_three_pairs_are_too_few_for_the_sign_test_whatever_their_interval() -> None:
    few = Difference.between(episodes("a", [9.0, 9.5, 9.2]), episodes("b", [1.0, 1.2, 0.8]))
    many = Difference.between(episodes("a", [9.0] * 6), episodes("b", [1.0] * 6))
    assert few.low is not None
    assert few.low > 0
    assert (few.sign, few.chance) == (0, "p = 0.25")
    assert many.sign == 1


def test_no_score_cannot_be_lost() -> None:
    nothing = [0.0] * NUM
    task = task_of(
        episodes("still", nothing, success=True),
        episodes("still", nothing, success=True, scenario="late", severity=1.0),
    )
    assert "without faults there is no score above 0" in said(task)


def test_faults_under_which_no_transport_is_better_are_named() -> None:
    task = task_of(
        episodes("still", around(100)),
        episodes("moving", around(200), max_steps=2),
        episodes("still", around(90), scenario="late", severity=1.0),
        episodes("moving", around(40), scenario="late", severity=1.0, max_steps=2),
        episodes("still", around(70), scenario="heavy", severity=1.0),
        episodes("moving", around(99), scenario="heavy", severity=1.0, max_steps=2),
    )
    text = said(task)
    assert "No transport is the better choice under: late at 1, -50 (-50 to -50)." in text
    assert "Transport still pays under: heavy at 1, +29 (+29 to +29)." in text
    assert "What breaks “moving” first: late (action_delay: delay_s 0.02 at severity 1) takes half" in text


def test_every_deadline_has_its_own_answer_with_misses_and_floor() -> None:
    def pair(ms: float, moving: float, misses: int) -> list[list[dict]]:
        return [
            episodes(f"{ms} still", around(100), deadline_ms=ms, num_misses=1),
            episodes(f"{ms} moving", around(moving), deadline_ms=ms, max_steps=4, num_misses=misses),
        ]

    task = task_of(*pair(5.0, 200, 2), *pair(2.0, 50, 40))
    lines = said(task).splitlines()
    assert lines[0].startswith("With 2 ms for the policy: take “2.0 still” (10 particles, no step). It returns 100 (")
    assert lines[1].startswith("Transport within 2 ms: costs;")
    assert lines[2].startswith("With 5 ms for the policy: take “5.0 moving”")
    assert "misses 2 % of the periods; without any step 1 % are missed." in lines[2]
    cell = next(cell for cell in task.clear if cell.budget == "5.0 moving")
    assert floor_of(task, cell) == pytest.approx(0.01)
    lucky = task_of(*pair(5.0, 200, 0))
    assert {floor_of(lucky, cell) for cell in lucky.clear} == {0.01}  # that of the budget without steps


def test_miss_rates_and_times_are_those_of_the_episodes() -> None:
    rows = episodes("a", around(1), num_misses=2)
    rows[0] |= {"num_misses": 14, "tick_ms_max": 77.0}
    rate = MissRate.of(rows)
    assert rate.rate == pytest.approx((14 + 2 * (NUM - 1)) / (100 * NUM))
    assert 0.02 <= rate.low < rate.rate < rate.high
    time = TickTime.of(rows)
    assert time is not None
    assert (time.p50, time.p99, time.longest) == (1, 3, 77)
    assert TickTime.of(episodes("a", [1.0], tick_ms_p99=None)) is None
    none = MissRate.of(episodes("a", around(1)))
    assert none.rate == none.low == 0
    assert 0 < none.high < 0.01  # that nothing was missed does not prove that nothing ever is


def point(label: str, tick_ms: float, value: float) -> WorkingPoint:
    score = Score(value=value, low=None, high=None, is_rate=True)
    return WorkingPoint(label=label, group=label, tick_ms=tick_ms, score=score)


def test_the_frontier_is_what_nothing_cheaper_beats() -> None:
    points = [point("c", 3, 0.9), point("a", 1, 0.5), point("b", 2, 0.4), point("d", 4, 0.9), point("e", 1, 0.3)]
    edge = frontier(points)
    assert [each.label for each in edge] == ["a", "c"]
    assert bought(edge) == ["From a to c: 2.00 ms more buy 40 points, 20 points per ms."]


def test_caution_compares_budgets_that_differ_in_the_distance_alone() -> None:
    task = task_of(
        episodes("still", around(1)),
        episodes("bold", around(3), max_steps=2),
        episodes("careful", around(2), max_steps=2, max_distance=0.3),
        episodes("other", around(2), max_steps=1, max_distance=0.3),
    )
    assert [[cell.budget for cell in group] for group in cautions(task)] == [["careful", "bold"]]
