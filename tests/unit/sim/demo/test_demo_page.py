from __future__ import annotations

import base64
import re
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from sim.demo.chapters import whole_page
from sim.demo.figures import latency_figure, steps_figure, success_figure
from sim.demo.trace import PeriodSeries, Trace, period_series, window_means
from sim.demo.video import Video
from tests.unit.sim.demo.tours import make_row, make_tour, request

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)


@pytest.fixture
def film(tmp_path: Path) -> Video:
    path = tmp_path / "live.mp4"
    path.write_bytes(b"moving pictures")
    return Video(path=path, num_episodes=1, seconds=1.0, frames_per_s=10.0)


def test_the_page_holds_everything_and_needs_no_network(tmp_path: Path, film: Video) -> None:
    text = whole_page(make_tour(tmp_path / "bundle", video=film), WHEN)
    assert base64.b64encode(b"moving pictures").decode() in text
    assert text.count('<figure class="plot">') >= 4
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)  # plotly's code names addresses it never asks
    assert "<link rel" not in own.replace('<link rel="icon" href="data:,">', "")
    assert 'src="http' not in own
    for mode in ("reference", "best-of-n", "tuned", "fixed-0", "fixed-cap", "adaptive"):
        assert f"<td>{mode}</td>" in own
    assert "Synthetic" not in own


def test_without_a_renderer_one_line_says_so(tmp_path: Path) -> None:
    text = whole_page(make_tour(tmp_path / "bundle"), WHEN)
    assert "No video: there is no renderer." in text
    assert "<video" not in text


def test_the_synthetic_policy_is_called_one(tmp_path: Path) -> None:
    text = whole_page(make_tour(tmp_path / "bundle", synthetic=True), WHEN)
    assert "Synthetic: the weights are random numbers" in text


def test_no_text_of_a_bundle_becomes_markup(tmp_path: Path) -> None:
    tour = make_tour(tmp_path / "bundle", video="No video: <script>alert(1)</script>")
    assert "<script>alert" not in whole_page(tour, WHEN)


def series() -> PeriodSeries:
    trace = Trace([[request(0, 10.0), request(1, 50.0), request(3, None)], [request(7, 20.0)]])
    return period_series(trace, [4, 2], 0.05, 45.0)


def test_series_have_a_place_for_every_period() -> None:
    found = series()
    np.testing.assert_allclose(found.answer_ms, [10, 50, np.nan, np.nan, 20, np.nan])
    np.testing.assert_array_equal(found.steps, [2, 2, 0, 0, 2, 0])
    np.testing.assert_array_equal(found.missed, [False, True, True, True, False, True])


def test_window_means_keep_the_last_short_window() -> None:
    times, means = window_means(np.array([1.0, 3.0, 5.0]), 0.5, 1.0)
    assert means == [2.0, 5.0]
    assert times == [0.5, 1.25]


def test_no_plot_is_empty() -> None:
    by_mode = {"fixed-0": series(), "adaptive": series()}
    success = success_figure([make_row("reference"), make_row("tuned")])
    assert [bar.y[0] for bar in success.data] == [50, 50]
    latency = latency_figure(by_mode, [0.5, 0.5], 45.0)
    assert len(latency.data) == 2
    for bars in latency.data:
        assert sum(bars.y) == pytest.approx(100)  # every period is in some bar
        assert bars.y[-1] == pytest.approx(50)  # three of six had no answer
    assert len(steps_figure(by_mode).data) == 4
    assert all(len(line.y) for line in steps_figure(by_mode).data)
