"""Records of telemetry, made by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller import Reason, Rung, Status, Timings
from vgf_robot.telemetry import VERSION, Record, Stamped, TickRecord
from vgf_robot.wire import pack

PERIOD_NS = 50_000_000
START_NS = 1_700_000_000_000_000_000


def vector(*entries: float) -> Any:
    return pack(np.array(entries, np.float32))


def make_tick(number: int = 0, **changes: Any) -> TickRecord:
    """Return tick `number` of an episode of a robot with observations of 3 and actions of 2."""
    record = TickRecord(
        source="serve",
        client="arm",
        identity="a1",
        bundle="tiny",
        bundle_sha256="ab" * 32,
        backend="onnxruntime-cpu",
        threads=1,
        control_period_s=0.05,
        precision="float32",
        episode=1,
        tick=number,
        seed=7,
        sequence=number + 2,
        observation=vector(0.1, 0.2, number),
        pose=None,
        point=OperatingPoint(num_particles=4, reference_steps=2, max_steps=3, step_size=0.05),
        arrived_ns=number * PERIOD_NS,
        deadline_ns=(number + 1) * PERIOD_NS,
        queue_ns=1000,
        margin_ns=3e6,
        reference_cost_ns=100_000,
        step_cost_ns=None,
        select_cost_ns=50_000,
        status=Status.ON_TIME,
        rung=Rung.TRANSPORT,
        reason=Reason.COMPLETE,
        steps=3,
        value=-0.25,
        spread=0.0,
        displacement=0.1,
        limited=0.0,
        num_outside=0,
        timings=Timings(reference_ns=1, step_ns=(2, 3, 4), select_ns=5, tick_ns=20),
        action=vector(1.5, number),
        sent=vector(1.5, number),
        in_time=True,
        engagement=None,
        engagement_reason="",
        previous_action=None,
        since_previous_ns=None,
        particles_tick=None,
    )
    return msgspec.structs.replace(record, **changes)


def stamp(record: Record, number: int = 0, *, run: int = 1, at_ns: int | None = None) -> Stamped:
    """Return a record as it is published, one control period after the one before."""
    moment_ns = number * PERIOD_NS if at_ns is None else at_ns
    return Stamped(
        version=VERSION,
        run=run,
        number=number,
        wall_ns=START_NS + moment_ns,
        monotonic_ns=moment_ns,
        record=record,
    )
