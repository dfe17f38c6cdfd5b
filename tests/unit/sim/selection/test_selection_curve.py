"""The learning curve: a line per setting with its intervals, and a star where the choice fell."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.run_files import Checkpoint
from sim.selection.candidate import Candidate, choose
from sim.selection.learning_curve import learning_curve, setting_text
from tests.bundles import make_bundle
from tests.unit.sim.selection.verbs import row
from vgf_robot.bundle import Bundle


def candidate(bundle: Bundle, updates: int, scores: tuple[float, float]) -> Candidate:
    checkpoint = Checkpoint(path=Path(f"{updates:09d}.safetensors"), updates=updates, critic_updates=updates - 10)
    rows = [row(scores[0], 1, 0, None, 50), row(scores[1], 4, 1, 0.3, 50)]
    return Candidate(checkpoint=checkpoint, bundle=bundle, settings={}, rows=rows)


def test_every_setting_is_a_line_over_the_critics_updates(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "bundle"))
    candidates = [candidate(bundle, 20, (0.2, 0.9)), candidate(bundle, 30, (0.3, 0.6))]
    figure = learning_curve("small", candidates, choose(candidates))
    none, one, star = figure.data
    assert (none.name, one.name) == ("N 1, 0 steps", "N 4, 1 step of 0.3")
    assert (list(one.x), list(one.y)) == ([10, 20], [pytest.approx(90), pytest.approx(60)])
    assert (list(one.error_y.array), list(one.error_y.arrayminus)) == ([pytest.approx(5)] * 2, [pytest.approx(5)] * 2)
    assert (star.name, list(star.x), list(star.y)) == ("sealed: N 4, 1 step of 0.3", [10], [90])
    assert figure.layout.yaxis.title.text == "episodes solved (%)"
    assert len(learning_curve("small", candidates, None).data) == 2


def test_a_setting_names_a_rule_that_is_not_the_usual_one() -> None:
    assert setting_text(row(0.5, 4, 2, 0.05, 50) | {"selection": "softmax"}) == "N 4, 2 steps of 0.05, softmax"
