"""A bar that shows how many episodes are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(total: int, what: str = "episodes") -> Iterator[Callable[[], None]]:
    """Show a bar on standard error; it is drawn between episodes, since a drawing thread would delay the ticks.

    Args:
        total: How many there are.
        what: What they are.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    disable = not console.is_terminal
    with Progress(*columns, console=console, auto_refresh=False, transient=True, disable=disable) as bar:
        task = bar.add_task(what, total=total)

        def advance() -> None:
            bar.advance(task)
            bar.refresh()

        yield advance
