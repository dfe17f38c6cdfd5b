"""Commands as a controller would give them, made by hand."""

from __future__ import annotations

import numpy as np

from vgf_robot.controller import Command, Reason, Rung, Status, Timings


def make_command(
    action,
    *,
    rung: Rung = Rung.TRANSPORT,
    reason: Reason | None = None,
    limited: float = 0.0,
    num_outside: int = 0,
    steps: int = 0,
    tick_ns: int = 0,
) -> Command:
    """Return a command; without a reason it is complete where fresh, else for want of time."""
    scored = rung.fresh
    usual = Reason.COMPLETE if rung in (Rung.TRANSPORT, Rung.REFERENCE) else Reason.NO_TIME_FOR_REFERENCE
    return Command(
        action=np.array(action, np.float32),
        status=Status.ON_TIME if rung in (Rung.TRANSPORT, Rung.REFERENCE) else Status.FALLBACK,
        rung=rung,
        reason=reason or usual,
        steps=steps,
        value=0.0 if scored else None,
        spread=0.0 if scored else None,
        displacement=0.0 if scored else None,
        limited=limited,
        num_outside=num_outside,
        timings=Timings(reference_ns=0, step_ns=(), select_ns=0, tick_ns=tick_ns),
    )
