"""Stopping a run between two updates, so that what is saved is whole."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopRequest:
    """Notes SIGINT and SIGTERM instead of interrupting; a second SIGINT interrupts at once, and saves nothing.

    An exception in the middle of an update would leave a critic that has moved with a target that has not.

    Attributes:
        requested: Whether one of the signals has come.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopRequest:
        """Take over the signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
