"""Records as a publisher would tell them, made by hand."""

from __future__ import annotations

import numpy as np

from vgf_robot.bundle import OperatingPoint
from vgf_robot.controller import Reason, Rung, Status, Timings
from vgf_robot.telemetry import Counters, Event, EventKind, Stamped, TickRecord
from vgf_robot.wire import pack

MS = 1_000_000
POINT = OperatingPoint(num_particles=4, reference_steps=2, max_steps=3, step_size=0.05)


def stamped(record, at_ms=0.0, run=1, number=0) -> Stamped:
    at_ns = round(at_ms * MS)
    return Stamped(version=1, run=run, number=number, wall_ns=at_ns, monotonic_ns=at_ns, record=record)


def tick(
    *, step_ms=(1.0, 1.0), reference_ms=1.0, select_ms=1.0, queue_ms=0.5, deadline_ms=45.0, **changes
) -> TickRecord:
    """Return a tick that arrived at 0; keywords that are not times replace fields."""
    steps = tuple(round(each * MS) for each in step_ms)
    in_all = round((reference_ms + select_ms) * MS) + sum(steps)
    facts = {
        "source": "serve",
        "client": "arm",
        "identity": "00",
        "bundle": "tiny",
        "bundle_sha256": "ab" * 32,
        "backend": "onnxruntime-cpu",
        "threads": 1,
        "precision": "float32",
        "control_period_s": 0.05,
        "episode": 1,
        "tick": 0,
        "seed": 0,
        "sequence": 1,
        "observation": pack(np.array([0.4, -0.2, 0.1], np.float32)),
        "pose": None,
        "point": POINT,
        "arrived_ns": 0,
        "deadline_ns": None if deadline_ms is None else round(deadline_ms * MS),
        "queue_ns": round(queue_ms * MS),
        "margin_ns": 2e6,
        "reference_cost_ns": None,
        "step_cost_ns": None,
        "select_cost_ns": None,
        "status": Status.ON_TIME,
        "rung": Rung.TRANSPORT,
        "reason": Reason.COMPLETE,
        "steps": len(steps),
        "value": 1.5,
        "spread": 0.1,
        "displacement": 0.3,
        "limited": 0.0,
        "num_outside": 0,
        "timings": Timings(
            reference_ns=round(reference_ms * MS), step_ns=steps, select_ns=round(select_ms * MS), tick_ns=in_all
        ),
        "action": pack(np.zeros(2, np.float32)),
        "sent": None,
        "in_time": True,
        "engagement": None,
        "engagement_reason": "",
        "previous_action": None,
        "since_previous_ns": None,
        "particles_tick": None,
    }
    return TickRecord(**{**facts, **changes})


def counters(**counted) -> Counters:
    return Counters(source="serve", counters=counted)


def event(text="engaged", kind=EventKind.ENGAGEMENT) -> Event:
    return Event(source="serve", kind=kind, text=text)
