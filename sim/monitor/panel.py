"""The figures beside the robot: the same for every page that looks."""

from __future__ import annotations

import time
from html import escape
from itertools import combinations
from typing import Any, final

import numpy as np
import viser
from viser import uplot

from sim.monitor.flow import Flow
from sim.monitor.flow_plot import flow_svg
from sim.monitor.gauges import gauges_html, note_html, reasons_html
from sim.monitor.strip_chart import strip_data
from sim.monitor.window import Window
from vgf_robot.bundle import Manifest

EVERYONE = "all robots"
_MAX_EVENTS_SHOWN = 6


@final
class Panel:
    """Gauges, strip chart, the particles' way in two dimensions, and what happened.

    Args:
        server: The page's.
        title: What is looked at.
        span_s: Seconds of the strip chart.
    """

    def __init__(self, server: viser.ViserServer, *, title: str, span_s: float) -> None:
        self._gui = gui = server.gui
        self._span_s = span_s
        self._robots: tuple[str, ...] = ()
        self._identities: dict[str, str] = {}
        self._pairs: dict[str, tuple[int, int]] = {}
        self._place = title
        self._title = gui.add_html(note_html([f"<b>{escape(title)}</b>"]), order=1)
        self._note = gui.add_html("", order=2)
        self._robot = gui.add_dropdown("robot", [EVERYONE], visible=False, order=3)
        self._gauges = gui.add_html("", order=4)
        with gui.add_folder("Latency against the deadline", order=6):
            self._strip = _strip_chart(gui, span_s)
            self._reasons = gui.add_html("")
        with gui.add_folder("Particles, from reference to action", order=7):
            self._pair = gui.add_dropdown("dimensions", ["-"], visible=False)
            self._flow = gui.add_html(note_html(["no particles yet"]))
        with gui.add_folder("Events", expand_by_default=False, order=8):
            self._events = gui.add_html("")

    @property
    def identity(self) -> str | None:
        """Whose figures are shown; None for those of all."""
        return self._identities.get(self._robot.value)

    def describe(self, manifest: Manifest) -> None:
        """Say which bundle it is, and offer the dimensions of its action."""
        self._title.content = note_html([f"<b>{escape(manifest.name)}</b> at {escape(self._place)}"])
        names = [
            f"{each.name}[{i}]" if each.size > 1 else each.name for each in manifest.action for i in range(each.size)
        ]
        self._pairs = {f"{names[i]} - {names[j]}": (i, j) for i, j in combinations(range(len(names)), 2)}
        if self._pairs:
            self._pair.options = list(self._pairs)
            self._pair.visible = len(self._pairs) > 1

    def show(self, window: Window, note: str) -> None:
        """Bring the figures up to date.

        Args:
            window: What was told of late.
            note: What else is to be said, half a sentence.
        """
        self._offer(window)
        gauges = window.gauges(self.identity)
        self._note.content = note_html([escape(note)]) if note else ""
        self._gauges.content = gauges_html(gauges)
        self._reasons.content = reasons_html(gauges)
        self._strip.data = strip_data(window.strip(self.identity), self._span_s)
        shown = [_event_line(wall_ns, event) for wall_ns, event in list(window.events)[-_MAX_EVENTS_SHOWN:]]
        self._events.content = note_html(reversed(shown) if shown else ["none yet"])

    def show_flow(self, flow: Flow | None, note: str) -> None:
        """Draw the particles' way.

        Args:
            flow: None leaves what was drawn.
            note: Why there is none, or how it is drawn elsewhere.
        """
        words = note_html([escape(note)]) if note else ""
        pair = self._pairs.get(self._pair.value)
        if flow is None or pair is None:
            self._flow.content = words or note_html(["none: the action has one dimension"])
            return
        first, second = self._pair.value.split(" - ")
        self._flow.content = flow_svg(flow.path, flow.chosen, pair, (first, second)) + words

    def _offer(self, window: Window) -> None:
        """Let whoever looks choose one robot of several."""
        names = _distinct(window.robots)
        if names != self._identities:
            self._identities = names
            self._robot.options = [EVERYONE, *names]
            self._robot.visible = len(names) > 1


def _strip_chart(gui: viser.GuiApi, span_s: float) -> viser.GuiUplotHandle:
    series = (
        uplot.Series(label="s"),
        uplot.Series(label="tick ms", stroke="#1a5fb4", width=1.5),
        uplot.Series(label="deadline ms", stroke="#b2182b", width=1.5, dash=(6, 4)),
        uplot.Series(label="steps", stroke="#e08214", width=1, scale="steps"),
    )
    axes = (uplot.Axis(), uplot.Axis(), uplot.Axis(scale="steps", side=1, grid=uplot.Axis_Grid(show=False)))
    nothing = np.full(2, np.nan)
    return gui.add_uplot(
        data=(np.array([-span_s, 0.0]), nothing, nothing, nothing),
        series=series,
        axes=axes,
        scales={"x": uplot.Scale(time=False, range=(-span_s, 0.0))},
        aspect=1.7,
    )


def _distinct(robots: dict[str, str]) -> dict[str, str]:
    """Return identities by a name that tells them apart."""
    names = list(robots.values())
    return {name if names.count(name) == 1 else f"{name} ({key[-6:]})": key for key, name in robots.items()}


def _event_line(wall_ns: int, event: Any) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(wall_ns / 1e9))
    who = f" {event.client}" if event.client else ""
    return escape(f"{clock} {event.kind.value}{who}: {event.text}")
