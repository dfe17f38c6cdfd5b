"""Signals that end a verb in its own time, or have it read anew what it runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Generator[list[int], None, None]:
    """Turn the first SIGTERM or SIGINT into a stop, and yield the list of those received; a second one kills.

    Args:
        stop: Safe to call from a signal handler.
    """
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reloaded_by_signal(reload: Callable[[], object], stop: Callable[[], object]) -> Generator[None, None, None]:
    """Turn SIGHUP into a reload, unless it is that of a terminal that was closed: who sits there wants an end.

    Args:
        reload: Safe to call from a signal handler.
        stop: Likewise.
    """
    in_terminal = sys.stdin is not None and sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison]

    def handle(_: int, __: FrameType | None) -> None:
        if in_terminal and not sys.stdin.isatty():
            stop()
        else:
            reload()

    before = signal.signal(signal.SIGHUP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
