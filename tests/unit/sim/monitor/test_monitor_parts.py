"""Token, gauges, drawings, and what the command line refuses."""

import numpy as np
import pytest

from sim.commands.monitor import main
from sim.monitor.flow_plot import flow_svg
from sim.monitor.gauges import gauges_html, reasons_html
from sim.monitor.live import Live
from sim.monitor.metrics import Metrics
from sim.monitor.token import MAX_WRONG, OneTimeToken
from sim.monitor.window import Window
from tests.clocks import MS, FakeClock
from tests.unit.sim.monitor.records import stamped, tick
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import ConfigError, DatasetError


@pytest.fixture
def announced():
    return []


@pytest.fixture
def token(announced):
    words = iter(f"word{index}" for index in range(99))
    return OneTimeToken(announced.append, lambda: next(words))


def test_a_token_is_good_once(token, announced):
    assert token.spend(" word0\n")
    assert not token.spend("word0")
    assert announced == ["word0", "word1"]
    assert token.spend("word1")


def test_who_guesses_too_often_guesses_at_a_token_that_is_gone(token, announced):
    assert not any(token.spend("guess") for _ in range(MAX_WRONG))
    assert announced == ["word0", "word1"]
    assert not token.spend("word0")
    assert token.spend("word1")


@pytest.mark.parametrize("word", ["", "word", "wörd0", "word0" * 10_000])
def test_nothing_else_is_a_token(token, word):
    assert not token.spend(word)


def test_drawn_tokens_are_long_and_differ():
    first, second = [], []
    OneTimeToken(first.append)
    OneTimeToken(second.append)
    assert first != second
    assert len(first[0]) >= 10


def test_what_peers_call_things_is_no_html():
    window = Window(10.0)
    window.add(stamped(tick(engagement=EngagementState.FAULT, engagement_reason="<script>alert(1)</script>")))
    shown = gauges_html(window.gauges()) + reasons_html(window.gauges())
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<svg><script>" not in flow_svg(np.zeros((2, 1, 2), np.float32), 0, (0, 1), ("<script>", "b"))


def test_a_miss_rate_above_the_wanted_one_is_red():
    window = Window(10.0)
    window.add(stamped(tick(in_time=False, step_ms=(60.0,))))
    red = '<div class="vgf-gauge vgf-bad"><b>100.00%</b><span>miss rate'
    assert red in gauges_html(window.gauges(), miss_rate_wanted=0.01)
    assert red not in gauges_html(window.gauges())


def test_the_drawing_has_a_way_for_every_particle_the_chosen_one_last():
    path = np.stack([np.zeros((3, 2)), np.full((3, 2), 0.5)]).astype(np.float32)
    drawn = flow_svg(path, 1, (0, 1), ("x", "y"))
    assert drawn.count("<polyline") == 3
    assert drawn.rindex("#1a5fb4") > drawn.rindex("#e08214")


class Told:
    """A subscriber that was told some records."""

    def __init__(self, *records):
        self.records = list(records)
        self.counters = {"dropped": 0, "unreadable": 0}
        self.complaint = ""

    def receive(self, wait_ms=0):
        return self.records.pop(0) if self.records else None


def test_a_controller_that_goes_and_comes_back_is_noted_and_counted_on():
    clock, told, window, metrics = FakeClock(), Told(stamped(tick())), Window(10.0), Metrics()
    live = Live(told, window, metrics, clock)
    assert live.note() == "waiting for the first record"
    live.turn()
    assert live.note() == ""
    clock.advance(5000 * MS)
    assert live.note() == "nothing heard for 5 s: waiting for it to come back"
    told.records = [stamped(tick(step_ms=()), run=2), stamped(tick(step_ms=()), at_ms=20, run=2, number=1)]
    told.counters["dropped"] = 4
    live.turn()
    assert live.note() == "4 records lost on the way"
    assert window.gauges().mean_steps == 0.0
    assert metrics.registry.get_sample_value("vgf_steps_count", {"source": "serve"}) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either --telemetry ENDPOINT or --recording"),
        (["--telemetry", "ipc://t", "--recording", "x"], "either --telemetry ENDPOINT or --recording"),
        (["--recording", "x", "--control", "ipc://c"], "leave out --control"),
        (["--telemetry", "ipc://t", "--port", "99999"], "--port: expected 0 to 65535, found 99999"),
        (["--telemetry", "ipc://t", "--metrics-port", "-1"], "--metrics-port: expected 0 to 65535, found -1"),
        (["--telemetry", "ipc://t", "--no-page"], "give their --metrics-port"),
        (["--telemetry", "ipc://t", "--no-page", "--metrics-port", "0", "--control", "ipc://c"], "--no-page"),
        (["--telemetry", "ipc://t", "--span-s", "0"], "--span-s: expected 0.5 to 60"),
    ],
)
def test_words_that_do_not_go_together_are_refused(arguments, said):
    with pytest.raises(ConfigError, match=said):
        main(arguments)


def test_a_recording_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.mcap does not exist"):
        main(["--recording", str(tmp_path / "none.mcap")])
