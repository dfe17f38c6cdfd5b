"""What the terminal says while the demo runs: between episodes only, since a drawing thread would delay the ticks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from rich.console import Console
from rich.markup import escape

_WIDTH = 64


@final
class Narrator:
    """Announces stages, says how far the present one is, and keeps how long each took.

    Attributes:
        seconds: Of each finished stage, by its title.
    """

    def __init__(self, console: Console, num_stages: int) -> None:
        self.seconds: dict[str, float] = {}
        self._console = console
        self._num_stages = num_stages
        self._number = 0

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage, and afterwards how long it took."""
        self._number += 1
        self._console.print(f"[bold]{self._number}/{self._num_stages}[/bold] {escape(title)}", highlight=False)
        began_s = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - began_s
        self.detail("")
        self.say(f"done in {self.seconds[title]:.0f} s")

    def detail(self, text: str) -> None:
        """Say how far the stage is, in place of what was said before; only a terminal can do that."""
        if self._console.is_terminal:
            self._console.print(f"    {text:<{_WIDTH}}", end="\r", highlight=False, markup=False)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(f"    {text}", highlight=False, markup=False)
