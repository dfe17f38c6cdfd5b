"""What the strip chart draws: at most so many points, the worst of each stretch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.monitor.window import Strip

# More than a chart has pixels.
MAX_POINTS = 400


def strip_data(strip: Strip, span_s: float) -> tuple[NDArray[np.float64], ...]:
    """Return time, tick, deadline and steps, each of shape (points,), times in seconds and milliseconds.

    Where there are more ticks than points, a stretch is shown by its slowest tick, so that no spike is lost.

    Args:
        strip: The window.
        span_s: Its length.
    """
    if not strip.age_s.size:
        nothing = np.full(2, np.nan)
        return np.array([-span_s, 0.0]), nothing, nothing, nothing
    columns = (strip.age_s, strip.tick_ms, strip.deadline_ms, strip.steps)
    stretch = -(-strip.age_s.size // MAX_POINTS)
    if stretch == 1:
        return columns
    starts = range(0, strip.age_s.size, stretch)
    worst = [start + int(strip.tick_ms[start : start + stretch].argmax()) for start in starts]
    return tuple(column[worst] for column in columns)
