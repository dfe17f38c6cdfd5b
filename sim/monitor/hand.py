"""The page's hand on the controller: asks for ceilings through the control socket, and knows how things stand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, final

from vgf_robot.control import ControlClient, State
from vgf_robot.errors import VgfError

# Between two looks at how things stand, where nothing is wanted.
LOOK_S = 1.0
NAMES = ("max_steps", "step_size", "max_distance")


@final
class Hand:
    """Talks to a control socket in a thread of its own, as a controller that is away makes it wait.

    Args:
        connect: Opens the client; called in that thread.

    Attributes:
        state: What the controller said of itself last; None before that and while it is away.
        complaint: Why it is away, or would not; empty where all is well.
    """

    def __init__(self, connect: Callable[[], ControlClient]) -> None:
        self.state: State | None = None
        self.complaint = ""
        self._connect = connect
        self._wanted: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._called = threading.Event()
        self._sending = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="hand", daemon=True)
        self._thread.start()

    def want(self, name: str, ceiling: float | None) -> None:
        """Ask for a ceiling, in place of what was wanted of it before; None lifts it.

        Args:
            name: One of `NAMES`.
            ceiling: As in `Ceilings`.
        """
        with self._lock:
            self._wanted[name] = ceiling
        self._called.set()

    @property
    def asking(self) -> bool:
        """Whether something was asked for that the state does not tell of yet."""
        with self._lock:
            return bool(self._wanted) or self._sending

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._called.set()
        self._thread.join()

    def __enter__(self) -> Hand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        with self._connect() as client:
            while not self._closing:
                self._ask(client)
                self._called.wait(LOOK_S)

    def _ask(self, client: ControlClient) -> None:
        self._called.clear()
        with self._lock:
            wanted, self._wanted = self._wanted, {}
            self._sending = bool(wanted)
        try:
            self.state = client.set_ceilings(**wanted) if wanted else client.state()
            self.complaint = ""
        except VgfError as error:
            # What was wanted of a controller that went away is not sent to the one that comes back.
            self.complaint = str(error)
            self.state = self.state if wanted else None
        self._sending = False
