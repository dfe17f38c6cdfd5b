"""An end that is asked for by a signal, and comes between two turns."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import final

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@final
class Stopping:
    """Notes the first SIGTERM or SIGINT; a second one kills.

    Attributes:
        asked: Whether there was one.
        interrupted: Whether it was SIGINT.
    """

    def __init__(self) -> None:
        self.asked = False
        self.interrupted = False

    def __enter__(self) -> Stopping:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.asked = True
        self.interrupted = number == signal.SIGINT
        signal.signal(number, signal.SIG_DFL)
