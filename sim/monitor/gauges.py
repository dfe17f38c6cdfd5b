"""The gauges as HTML: what the window says, in figures that can be read across a room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from sim.monitor.window import Gauges

_STYLE = """<style>
.vgf-gauges{display:grid;grid-template-columns:repeat(3,1fr);gap:6px;padding:2px 8px 8px}
.vgf-gauge{background:#f3f5f8;border-radius:6px;padding:5px 8px}
.vgf-gauge b{display:block;font-size:17px;font-weight:600;color:#1f2a37;font-variant-numeric:tabular-nums}
.vgf-gauge span{font-size:11px;color:#5b6673}
.vgf-bad b{color:#b2182b}.vgf-good b{color:#2e7d4f}
.vgf-note{padding:0 10px 6px;font-size:12px;line-height:1.45;color:#47525f}
.vgf-note .vgf-bad{color:#b2182b;font-weight:600}
</style>"""
_STATES = {"engaged": "vgf-good", "fault": "vgf-bad"}


def gauges_html(gauges: Gauges, *, miss_rate_wanted: float | None = None) -> str:
    """Return the gauges.

    Args:
        gauges: What the window says.
        miss_rate_wanted: A larger miss rate than this above the floor is shown in red; None shows none so.
    """
    missed, floor = gauges.miss_rate, gauges.floor
    wanted = None if miss_rate_wanted is None or floor is None else floor + miss_rate_wanted
    over = missed is not None and wanted is not None and missed > wanted
    cap = "" if gauges.max_steps is None else f" of {gauges.max_steps}"
    boxes = [
        _box("ticks per second", _number(gauges.rate_hz, ".1f")),
        _box("miss rate", _percent(missed), "vgf-bad" if over else ""),
        _box("floor (no steps)", _percent(floor)),
        _box("steps", _number(gauges.mean_steps, ".2f") + cap),
        _box("value", _number(gauges.value, ".3g")),
        _box("displacement", _number(gauges.displacement, ".3f")),
        _box("margin", _number(gauges.margin_ms, ".2f", " ms")),
        _box("engagement", escape(gauges.engagement.replace("_", " ") or "-"), _STATES.get(gauges.engagement, "")),
        _box("on the ladder", str(sum(gauges.fallbacks.values()))),
    ]
    return f'{_STYLE}<div class="vgf-gauges">{"".join(boxes)}</div>'


def reasons_html(gauges: Gauges) -> str:
    """Return why ticks ended as they did, and why there is a fault."""
    parts = [f"why ticks ended: {_counts(gauges.reasons)}", f"on the ladder for: {_counts(gauges.fallbacks)}"]
    if gauges.engagement_reason:
        parts.append(f'<span class="vgf-bad">fault: {escape(gauges.engagement_reason)}</span>')
    return note_html(parts)


def note_html(parts: Iterable[str]) -> str:
    """Return lines of small print; they are HTML already."""
    return f'{_STYLE}<div class="vgf-note">{"<br>".join(parts)}</div>'


def _box(label: str, figure: str, style: str = "") -> str:
    return f'<div class="vgf-gauge {style}"><b>{figure}</b><span>{label}</span></div>'


def _counts(counted: Mapping[str, int]) -> str:
    named = sorted(counted.items(), key=lambda item: -item[1])
    return escape(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in named) or "nothing")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"
