"""A recording in the page: a slider of time, and whatever was told just before."""

from __future__ import annotations

import time
from typing import final

import viser

from sim.monitor.window import Window
from vgf_robot.recording import Timeline

_STEP_S = 0.05


@final
class Playback:
    """Keeps a window at the time of a slider.

    Args:
        server: The page's.
        timeline: The recording.
        span_s: Seconds of the window.

    Attributes:
        window: What was told in the seconds before.
    """

    def __init__(self, server: viser.ViserServer, timeline: Timeline, span_s: float) -> None:
        self.window = Window(span_s)
        self._timeline = timeline
        self._span_ns = round(span_s * 1e9)
        self._shown_ns: int | None = None
        self._advanced_ns: int | None = None
        length_s = max(_STEP_S, round((timeline.end_ns - timeline.begin_ns) / 1e9, 2))
        begins = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(timeline.begin_ns / 1e9))
        with server.gui.add_folder(f"Recording of {begins}", order=0):
            self._at = server.gui.add_slider(
                "time in s", min=0.0, max=length_s, step=_STEP_S, initial_value=min(length_s, span_s)
            )
            self._play = server.gui.add_checkbox("play", False)

    def advance(self, now_ns: int) -> None:
        """Move on where it plays, and read what the window is to hold.

        Args:
            now_ns: Monotonic.
        """
        if self._play.value and self._advanced_ns is not None:
            moved_s = self._at.value + (now_ns - self._advanced_ns) / 1e9
            self._at.value = min(moved_s, self._at.max)
            self._play.value = moved_s < self._at.max
        self._advanced_ns = now_ns
        at_ns = self._timeline.begin_ns + round(self._at.value * 1e9)
        if at_ns != self._shown_ns:
            self._read(at_ns)

    def _read(self, at_ns: int) -> None:
        """Fill the window; where the slider has moved on a little, only with what is new."""
        before_ns = self._shown_ns
        begin_ns = at_ns - self._span_ns
        if before_ns is not None and begin_ns <= before_ns <= at_ns:
            begin_ns = before_ns + 1
        else:
            self.window.clear()
            self.window.events.clear()
        for stamped in self._timeline.between(begin_ns, at_ns):
            self.window.add(stamped)
        self._shown_ns = at_ns
