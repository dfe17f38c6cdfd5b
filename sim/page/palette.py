"""Colours that can be told apart on white and on black, and by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterable

GREY, ORANGE, BLUE, GREEN, RED = "#848c97", "#d97b16", "#3f83c6", "#3f9a68", "#c8434f"
_SERIES = (BLUE, ORANGE, GREEN, "#8a6fc0", "#b0842c", "#2f9aa0", "#b35c93")


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name; from the eighth on they begin again."""
    return {name: _SERIES[number % len(_SERIES)] for number, name in enumerate(names)}
