"""The control socket of a verb that runs for long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from vgf_robot.commands.speech import say
from vgf_robot.control.control_server import Controlled, ControlServer
from vgf_robot.security import Guard
from vgf_robot.wire.endpoint import reaches_beyond_this_machine


@contextmanager
def listening_to_operators(
    controlled: Controlled, endpoint: str | None, guard: Guard | None = None, tell: Callable[[str], object] = say
) -> Generator[Callable[[], object], None, None]:
    """Open a control desk, say where, and yield what answers one request; that does nothing where there is no desk.

    Args:
        controlled: What is controlled.
        endpoint: Checked by `check_bind`; None for no desk.
        guard: Who may; None where everybody may.
        tell: Takes a sentence on everything that was changed.
    """
    if endpoint is None:
        yield _nothing
        return
    desk = ControlServer(controlled, endpoint=endpoint, tell=tell, guard=guard)
    try:
        if guard is None and reaches_beyond_this_machine(desk.endpoint):
            print(
                f"WARNING: {desk.endpoint} has no keys: anyone who reaches it can control this process.",
                file=sys.stderr,
            )
        say(f"control at {desk.endpoint}", "listening", endpoint=desk.endpoint)
        yield desk.attend
    finally:
        desk.close()


def _nothing() -> None:
    pass
