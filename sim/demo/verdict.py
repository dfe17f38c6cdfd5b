"""What the comparison is expected to show, held against what it showed."""

from __future__ import annotations

from sim.demo.comparison import Comparison
from sim.evaluation.modes import ADAPTIVE, FIXED_0, FIXED_CAP
from sim.page import Finding

ABOVE_FLOOR_POINTS = 1.0
SHARE_OF_FIXED_CAP = 0.25


def judge(comparison: Comparison) -> list[Finding]:
    """Return the findings on one comparison."""
    return [_steps(comparison), _floor(comparison), _quarter(comparison), *_return(comparison)]


def _steps(comparison: Comparison) -> Finding:
    row = comparison.row(ADAPTIVE)
    text = f"adaptive takes {row['mean_steps']:.2f} of {row['max_steps']} steps on average; expected: above 0."
    return Finding(text=text, met=row["mean_steps"] > 0 if row["max_steps"] else None)


def _floor(comparison: Comparison) -> Finding:
    found, floor = comparison.row(ADAPTIVE)["miss_rate"], comparison.row(FIXED_0)["miss_rate"]
    text = (
        f"adaptive misses {_percent(found)}; expected: at most {ABOVE_FLOOR_POINTS:g} point above the floor, which is "
        f"{_percent(floor)} without any step (fixed-0)."
    )
    return Finding(text=text, met=found <= floor + ABOVE_FLOOR_POINTS / 100)


def _quarter(comparison: Comparison) -> Finding:
    found, cap = comparison.row(ADAPTIVE)["miss_rate"], comparison.row(FIXED_CAP)["miss_rate"]
    text = f"adaptive misses {_percent(found)}; expected: under a quarter of fixed-cap's {_percent(cap)}."
    if comparison.too_fast:
        return Finding(
            text=f"{text} Not judged: all steps nearly always fit here, so fixed-cap misses little.", met=None
        )
    return Finding(text=text, met=found < SHARE_OF_FIXED_CAP * cap)


def _return(comparison: Comparison) -> list[Finding]:
    if comparison.synthetic:
        return []
    busy, idle = comparison.row(ADAPTIVE), comparison.idle_row
    text = (
        f"adaptive returns {busy['return_mean']:.4g} ({busy['return_low']:.4g} to {busy['return_high']:.4g}, "
        f"episodes: {busy['episodes']}) under load; expected: that interval reaches the idle machine's "
        f"{idle['return_mean']:.4g}."
    )
    return [Finding(text=text, met=busy["return_high"] >= idle["return_mean"])]


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"
