"""The page: one file that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from sim.demo.verdict import Finding

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #26313d; background: #fff; margin: 0; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 28px 64px; }
h1 { font-size: 28px; margin: 12px 0 4px; } h2 { font-size: 21px; margin: 44px 0 6px; }
h3 { font-size: 16px; margin: 26px 0 2px; }
table { border-collapse: collapse; margin: 14px 0; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 13px; border-bottom: 1px solid #dde2e8; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #9aa4b0; } th:first-child, td:first-child { text-align: left; }
.notes { color: #55606c; font-size: 14px; } .scroll { overflow-x: auto; }
.mark { background: #fff1d6; border-left: 4px solid #e08214; padding: 8px 14px; }
ul.findings { list-style: none; padding: 0; } ul.findings li { margin: 4px 0; padding-left: 96px; text-indent: -96px; }
.tag { display: inline-block; width: 84px; margin-right: 12px; text-indent: 0; text-align: center; border-radius: 4px;
       font-size: 13px; color: #fff; } .met { background: #2e7d4f; } .unmet { background: #b2182b; }
.open { background: #8b929c; }
video { width: 100%; max-width: 640px; border: 1px solid #dde2e8; border-radius: 4px; }
figure { margin: 14px 0; } figcaption { font-size: 14px; color: #55606c; }
"""
_TAGS = {True: ("met", "met"), False: ("unmet", "not met"), None: ("open", "not judged")}


def page(title: str, lead: str, sections: Sequence[str]) -> str:
    """Return the whole page.

    Args:
        title: Its heading.
        lead: What was run, where and when.
        sections: HTML, in order.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(lead)}</p>{''.join(sections)}</main></body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Return a titled part of the page."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, style: str = "") -> str:
    """Return text as a paragraph."""
    return f'<p class="{style}">{escape(text)}</p>'


def notes(texts: Sequence[str]) -> str:
    """Return remarks in small type."""
    return f'<div class="notes">{"<br>".join(escape(text) for text in texts)}</div>' if texts else ""


def plot(title: str, figure: go.Figure) -> str:
    """Return a titled plot; the page brings plotly.js once for all."""
    config = {"displayModeBar": False, "responsive": True}
    return f"<h3>{escape(title)}</h3>{figure.to_html(full_html=False, include_plotlyjs=False, config=config)}"


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as a table; a missing value is a dash, a latency shows its p50 and p99."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row.get(column)))}</td>" for column in columns) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def findings(found: Sequence[Finding]) -> str:
    """Return expectations, each with whether it was met."""
    items: list[str] = []
    for finding in found:
        style, word = _TAGS[finding.met]
        items.append(f'<li><span class="tag {style}">{word}</span>{escape(finding.text)}</li>')
    return f'<ul class="findings">{"".join(items)}</ul>'


def film(path: Path, caption: str) -> str:
    """Return a film that lies inside the page."""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<figure><video controls autoplay muted loop playsinline src="data:video/mp4;base64,{content}"></video>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{value['p50']:.2f} / {value['p99']:.2f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
