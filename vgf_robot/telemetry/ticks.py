"""Publishes ticks, and an event after one whose engagement has moved on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Command, Start
from vgf_robot.engagement import EngagementState
from vgf_robot.telemetry.publisher import Publisher
from vgf_robot.telemetry.records import Event, EventKind, TickRecord
from vgf_robot.wire.arrays import WireArray, pack

# Robots whose last state is remembered; a client that reconnects is another one.
MAX_ROBOTS = 1024


@final
class Ticks:
    """Publishes ticks, and remembers where each robot's engagement stood.

    Args:
        publisher: Where they go.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._states: dict[str, EngagementState | None] = {}
        self._event: Event | None = None

    def publish(self, make: Callable[[], TickRecord]) -> None:
        """Make a tick's record and publish it, and an event after it where there is one; never raises."""
        self._publisher.publish(partial(self._noted, make))
        event, self._event = self._event, None
        if event is not None:
            self._publisher.publish(lambda: event)

    def _noted(self, make: Callable[[], TickRecord]) -> TickRecord:
        tick = make()
        # Taken out and put back, so that the first in the dictionary is the one silent longest.
        before = self._states.pop(tick.identity, None)
        self._states[tick.identity] = tick.engagement
        if len(self._states) > MAX_ROBOTS:
            del self._states[next(iter(self._states))]
        if tick.engagement is not None and tick.engagement is not before:
            self._event = _moved_on(tick, tick.engagement)
        return tick


def tick_record(start: Start, command: Command, **rest: Any) -> TickRecord:
    """Return the record of a tick.

    Args:
        start: What it started from.
        command: What the controller decided.
        rest: The fields of `TickRecord` that neither of them has.
    """
    return TickRecord(
        precision=start.precision,
        tick=start.tick,
        seed=start.seed,
        point=start.point,
        margin_ns=start.margin_ns,
        reference_cost_ns=start.reference_ns,
        step_cost_ns=start.step_ns,
        select_cost_ns=start.select_ns,
        status=command.status,
        rung=command.rung,
        reason=command.reason,
        steps=command.steps,
        value=command.value,
        spread=command.spread,
        displacement=command.displacement,
        limited=command.limited,
        num_outside=command.num_outside,
        timings=command.timings,
        action=pack(np.asarray(command.action, np.float32)),
        previous_action=packed(start.previous_action),
        particles_tick=start.particles_tick,
        **rest,
    )


def packed(array: NDArray[np.float32] | None) -> WireArray | None:
    """Return an array as it goes into a record, where there is one."""
    return None if array is None else pack(np.asarray(array, np.float32))


def _moved_on(tick: TickRecord, state: EngagementState) -> Event:
    return Event(
        source=tick.source,
        kind=EventKind.FAULT if state is EngagementState.FAULT else EventKind.ENGAGEMENT,
        text=f"{state.value}: {tick.engagement_reason}" if tick.engagement_reason else state.value,
        client=tick.client,
        identity=tick.identity,
    )
