"""The parts of a page; every text is escaped here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

_TAGS = {True: ("met", "met"), False: ("unmet", "not met"), None: ("open", "not judged")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation.

    Attributes:
        text: Expectation and numbers, as a sentence.
        met: Whether it was met; None where this run cannot tell.
    """

    text: str
    met: bool | None


def section(title: str, *parts: str) -> str:
    """Return a titled part of the page."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, style: str = "") -> str:
    """Return text as a paragraph."""
    return f'<p class="{style}">{escape(text)}</p>'


def notes(texts: Sequence[str]) -> str:
    """Return remarks in small type."""
    return f'<div class="notes">{"<br>".join(escape(text) for text in texts)}</div>' if texts else ""


def sentences(texts: Sequence[str]) -> str:
    """Return sentences as a list; what stands before a colon at the beginning of one is its subject, in bold."""
    items: list[str] = []
    for text in texts:
        subject, colon, rest = text.partition(": ")
        items.append(f"<li><b>{escape(subject)}:</b> {escape(rest)}</li>" if colon else f"<li>{escape(text)}</li>")
    return f'<ul class="answers">{"".join(items)}</ul>'


def plot(title: str, figure: go.Figure) -> str:
    """Return a titled plot; the page brings plotly.js and the colours once for all."""
    content = json.loads(figure.to_json() or "{}")
    content["layout"].pop("template", None)
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    label = escape(title, quote=True)
    return (
        f'<figure class="plot"><h3>{escape(title)}</h3><div role="img" aria-label="{label}"></div>'
        f'<script type="application/json">{data}</script></figure>'
    )


def grid(parts: Sequence[str]) -> str:
    """Return parts beside each other, as many as there is room for."""
    return f'<div class="grid">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def legend(colours: Mapping[str, str]) -> str:
    """Return which colour is what, once for several plots."""
    items = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in colours.items()
    )
    return f'<div class="legend">{items}</div>'


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


def heading(text: str) -> str:
    """Return a heading inside of a section."""
    return f"<h3>{escape(text)}</h3>"


def code(text: str) -> str:
    """Return text as it is typed."""
    return f"<pre>{escape(text)}</pre>"


def details(title: str, text: str) -> str:
    """Return text as it is written, behind its title."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def film(path: Path, caption: str, *, autoplay: bool = True) -> str:
    """Return a film that lies inside the page."""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    start = "autoplay" if autoplay else 'preload="auto"'
    return (
        f'<figure><video controls {start} muted loop playsinline src="data:video/mp4;base64,{content}"></video>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{value['p50']:.2f} / {value['p99']:.2f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
