"""The page around the parts: style, plotly once, and the script that draws every plot."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from plotly.offline import get_plotlyjs

_STYLE = """
:root { color-scheme: light dark; --ink: #26313d; --soft: #55606c; --paper: #fff; --line: #dde2e8; --rule: #9aa4b0;
        --mark: #fff1d6; --edge: #d97b16; --met: #2e7d4f; --unmet: #b2182b; --open: #6d7681; --link: #1d62a8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #d9dfe6; --soft: #9aa5b1; --paper: #14181d; --line: #2b333c; --rule: #55606c; --mark: #33281a;
          --link: #7db3e8; } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0;
       overflow-wrap: anywhere; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 28px 64px; }
h1 { font-size: 28px; line-height: 1.25; margin: 12px 0 4px; }
h2 { font-size: 21px; margin: 48px 0 6px; padding-top: 10px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 30px 0 2px; }
a { color: var(--link); }
table { border-collapse: collapse; margin: 14px 0; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid var(--rule); } th:first-child, td:first-child { text-align: left; padding-left: 0; }
.notes, figcaption { color: var(--soft); font-size: 14px; } .scroll { overflow-x: auto; }
.mark { background: var(--mark); border-left: 4px solid var(--edge); padding: 8px 14px; }
ul.answers { padding-left: 20px; } ul.answers li { margin: 7px 0; }
ul.findings { list-style: none; padding: 0; } ul.findings li { margin: 4px 0; padding-left: 96px; text-indent: -96px; }
.tag { display: inline-block; width: 84px; margin-right: 12px; text-indent: 0; text-align: center; border-radius: 4px;
       font-size: 13px; color: #fff; } .met { background: var(--met); } .unmet { background: var(--unmet); }
.open { background: var(--open); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 14px; margin: 8px 0; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 6px; margin-right: 6px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 8px 20px; }
.grid > * { min-width: 0; }
video { width: 100%; max-width: 480px; border: 1px solid var(--line); border-radius: 4px; }
figure { margin: 14px 0; } figure.plot > h3 { margin-bottom: 4px; }
.grid figure.plot > h3 { font-size: 15px; margin: 0; }
pre { font-size: 13px; overflow-x: auto; padding: 10px 14px; border: 1px solid var(--line); border-radius: 4px; }
summary { cursor: pointer; }
@media (max-width: 600px) { main { padding: 14px 14px 40px; } h1 { font-size: 23px; } th, td { padding: 4px 8px; } }
@media print { main { max-width: none; padding: 0; } figure, tr, li, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; } .scroll { overflow: visible; } table { font-size: 11px; } th, td { padding: 3px 6px; }
  .grid { grid-template-columns: 1fr 1fr; } video { display: none; } pre { white-space: pre-wrap; } }
"""
# Colours come with the drawing, so that a page that is open follows its reader's change from light to dark; on paper
# it is always light, and as wide as the paper.
_SCRIPT = """
(() => {
  const night = matchMedia("(prefers-color-scheme: dark)"), touch = matchMedia("(pointer: coarse)");
  function template(dark) {
    const ink = dark ? "#d9dfe6" : "#26313d", grid = dark ? "#2b333c" : "#e4e8ed", line = dark ? "#55606c" : "#9aa4b0";
    const axis = {gridcolor: grid, linecolor: line, zerolinecolor: line, automargin: true,
      title: {font: {size: 13}}};
    return {layout: {font: {family: "system-ui, sans-serif", size: 13, color: ink}, xaxis: axis, yaxis: axis,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: touch.matches ? false : "zoom",
      hoverlabel: {bgcolor: dark ? "#222a33" : "#fff", bordercolor: line, font: {color: ink}}}};
  }
  function draw(dark, paper) {
    for (const figure of document.querySelectorAll("figure.plot")) {
      const {data, layout} = JSON.parse(figure.querySelector("script").textContent);
      layout.template = template(dark);
      if (paper) layout.width = figure.closest(".grid") ? 320 : 680;
      Plotly.react(figure.querySelector("div"), data, layout, {displayModeBar: false, responsive: !paper});
    }
  }
  draw(night.matches, false);
  night.addEventListener("change", () => draw(night.matches, false));
  addEventListener("beforeprint", () => draw(false, true));
  addEventListener("afterprint", () => draw(night.matches, false));
})();
"""


def page(title: str, lead: str, sections: Sequence[str]) -> str:
    """Return the whole page.

    Args:
        title: Its heading.
        lead: What was run, where and when.
        sections: HTML, in order.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(lead)}</p>"
        "<noscript><p>The plots need JavaScript, which is inside this page; everything else does not.</p></noscript>"
        f"{''.join(sections)}</main><script>{_SCRIPT}</script></body></html>\n"
    )
