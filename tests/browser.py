"""A headless Chromium that opens a file and says what it sees; where there is none, a test skips, in CI it fails."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)
# Virtual time: the page's own timers do not make the test wait, and a slow machine does not make it fail.
_FLAGS += (
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=20000",
    "--dump-dom",
)
_LISTEN = "<script>window.faults = []; addEventListener('error', event => faults.push(event.message));</script>"
_LOOK = """<script>addEventListener("load", () => setTimeout(() => {
  const inside = (mark, plot) => mark.width + mark.height > 0 && mark.right > plot.left && mark.left < plot.right
    && mark.bottom > plot.top && mark.top < plot.bottom;
  const marks = ".scatterlayer .point, .scatterlayer path.js-line, .barlayer .point path";
  const plots = [...document.querySelectorAll("figure.plot")].map(figure => {
    const plot = figure.querySelector("div").getBoundingClientRect();
    return {title: figure.querySelector("h3").textContent, width: plot.width,
      marks: [...figure.querySelectorAll(marks)].filter(m => inside(m.getBoundingClientRect(), plot)).length};
  });
  const seen = {plots, faults, width: innerWidth, needed: document.documentElement.scrollWidth};
  parent.postMessage(JSON.stringify(seen), "*");
}, 500));</script>"""
# A window is never narrower than 500 pixels; a frame in it is.
_FRAME = """<body style="margin: 0"><iframe src="page.html" style="border: 0; width: {width}px; height: 900px"></iframe>
<script>addEventListener("message", event => {{
  const seen = document.createElement("pre");
  seen.id = "seen";
  seen.textContent = event.data;
  document.body.append(seen);
}});</script></body>"""


@dataclass(frozen=True)
class Seen:
    """What is on the screen: `plots` with their number of visible marks, JavaScript's faults, and how wide it is."""

    plots: list[dict[str, Any]]
    faults: list[str]
    width: int
    needed: int

    @property
    def empty(self) -> list[str]:
        return [plot["title"] for plot in self.plots if plot["marks"] == 0]


def chromium() -> str:
    """Return the browser."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        reason = f"no browser: expected one of {', '.join(_NAMES)}; on Debian apt install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


def look(page: Path, folder: Path, width: int = 1200) -> Seen:
    """Open a page as wide as a screen or a phone; `folder` takes a copy of it and the browser's own files."""
    browser, frame = chromium(), folder / "frame.html"
    text = page.read_text(encoding="utf-8").replace("<head>", f"<head>{_LISTEN}", 1)
    (folder / "page.html").write_text(text.replace("</body>", f"{_LOOK}</body>"), encoding="utf-8")
    frame.write_text(_FRAME.format(width=width), encoding="utf-8")
    command = [browser, *_FLAGS, f"--user-data-dir={folder / 'browser'}", "--window-size=1400,900", frame.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="seen">(.*?)</pre>', shown.stdout, re.DOTALL)
    assert found is not None, f"The page did not come to its end: {shown.stderr[-2000:]}"
    return Seen(**json.loads(html.unescape(found[1])))
