"""What a long-running verb tells the service manager that started it: sd_notify(3) in a few lines."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import final

# Signs of life in the time that the service manager waits for one.
BEATS_PER_PATIENCE = 4


@final
class Supervisor:
    """Says how it goes; says nothing where nobody asked (`NOTIFY_SOCKET` is not set).

    It never waits and never raises: a service manager that does not listen must not stop a robot.

    Args:
        environment: Of the process: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` where a sign of life is wanted that often.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)  # '@': Linux's abstract namespace
        patience = environment.get("WATCHDOG_USEC", "")
        self._beat_every_ns = 1000 * int(patience) // BEATS_PER_PATIENCE if patience.isdecimal() else 0
        self._next_beat_ns = clock()
        self._reloading = False

    def ready(self, status: str) -> None:
        """Say that requests are answered from now on."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Say that something else is being made ready; `beat` says when it is."""
        self._reloading = True
        self._say(f"RELOADING=1\nMONOTONIC_USEC={self._clock() // 1000}")

    def beat(self, now_ns: int, *, reloading: bool = False) -> None:
        """Give a sign of life where one is due; to be called often, between ticks and never before a reply.

        Args:
            now_ns: The time, on the clock.
            reloading: Whether what `reloading` announced is still going on.
        """
        if self._reloading and not reloading:
            self._reloading = False
            self._say("READY=1")
        if self._beat_every_ns and now_ns >= self._next_beat_ns:
            self._next_beat_ns = now_ns + self._beat_every_ns
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end is near."""
        self._say("STOPPING=1")

    def _say(self, message: str) -> None:
        if not self._address.startswith(("/", "\0")):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.setblocking(False)
                manager.sendto(message.encode(), self._address)
        except OSError:  # full, gone or not permitted: whoever should listen does not
            return
