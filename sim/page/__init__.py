"""Pages of results: one HTML file that needs no network, for a screen, a phone or paper, in light and in dark."""

from sim.page.document import page
from sim.page.elements import (
    Finding,
    code,
    details,
    film,
    findings,
    grid,
    heading,
    legend,
    notes,
    paragraph,
    plot,
    section,
    sentences,
    table,
)
from sim.page.palette import BLUE, GREEN, GREY, ORANGE, RED, colours_of

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "Finding",
    "code",
    "colours_of",
    "details",
    "film",
    "findings",
    "grid",
    "heading",
    "legend",
    "notes",
    "page",
    "paragraph",
    "plot",
    "section",
    "sentences",
    "table",
]
