"""What a verb says of its telemetry."""

from __future__ import annotations

import sys

from vgf_robot.commands.speech import say
from vgf_robot.wire.endpoint import reaches_beyond_this_machine


def announce(endpoint: str | None, *, keys: bool) -> None:
    """Say where telemetry is published, and warn where others can read it; nothing where it is published nowhere.

    Args:
        endpoint: With the real port.
        keys: Whether it takes one to read there.
    """
    if endpoint is None:
        return
    if not keys and reaches_beyond_this_machine(endpoint):
        print(f"WARNING: {endpoint} has no keys: anyone who reaches it can read every tick.", file=sys.stderr)
    say(f"telemetry at {endpoint}", "listening", endpoint=endpoint)
