"""Which settings can keep a deadline at all: their recorded times through the real controller, before any episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.durations import replay
from sim.evaluation.device_profile import with_steps
from sim.evaluation.stage_times import after_a_while, always_fits
from sim.tuning.candidates import Candidate, Shape
from sim.tuning.costs import Lane, tick_ns
from sim.tuning.request import TuneRequest
from vgf_robot.bundle import Manifest
from vgf_robot.controller import ControllerSettings
from vgf_robot.results import latency_summary

# A cut in fewer ticks than this changes no episode that can be told from another.
_WHOLE = 0.99
_LEAST_USE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the controller would do with a deadline on the recorded ticks.

    Attributes:
        miss_rate: Share of the periods without a fresh action in time.
        whole: Share of the periods in which every step was taken, in time.
        mean_steps: Steps per period.
        tick_ms: How long a tick takes, without what passes before it.
        margin_ms: What it has learned to keep free before the deadline.
    """

    miss_rate: float
    whole: float
    mean_steps: float
    tick_ms: Mapping[str, float] | None
    margin_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """A setting at a deadline.

    Attributes:
        candidate: The setting.
        deadline_ms: The deadline.
        prediction: What its recorded times lead to; without a step where even that misses too often.
        left_out: Why it is not simulated; None where it is.
        simulated_ms: The deadline that it is simulated at: where the deadline cuts nothing off, the longest one, once
            for all; None in lock-step.
    """

    candidate: Candidate
    deadline_ms: float
    prediction: Prediction
    left_out: str | None
    simulated_ms: float | None


def predict(manifest: Manifest, lane: Lane, num_steps: int, deadline_ms: float) -> Prediction:
    """Play a lane's recorded ticks through the controller; what it does once it has run for a while counts."""
    period_ns, deadline_ns = round(1e9 * manifest.control_period_s), round(1e6 * deadline_ms)
    played = replace(with_steps(lane.durations, num_steps), period_ns=period_ns, deadline_ns=deadline_ns)
    if always_fits(played, ControllerSettings()):
        ticks_ms = tick_ns(played, num_steps) / 1e6
        return Prediction(miss_rate=0.0, whole=1.0, mean_steps=num_steps, tick_ms=latency_summary(ticks_ms))
    outcome = replay(manifest, after_a_while(played), ControllerSettings())
    last = slice(-lane.durations.num_ticks, None)
    steps, missed, ticks = outcome.steps[last], outcome.missed[last], outcome.tick_ns[last]
    return Prediction(
        miss_rate=float(missed.mean()),
        whole=float(((steps == num_steps) & ~missed).mean()),
        mean_steps=float(steps.mean()),
        tick_ms=latency_summary(ticks[ticks > 0] / 1e6),
        margin_ms=float(np.median(outcome.margin_ns[last])) / 1e6,
    )


def screen(
    manifest: Manifest, request: TuneRequest, lanes: Sequence[Lane], candidates: Sequence[Candidate]
) -> list[Screened]:
    """Return every candidate at every deadline, with its prediction and whether it is worth an episode.

    Args:
        manifest: The bundle's.
        request: Deadlines and the miss rate.
        lanes: What computes the candidates' shapes.
        candidates: The settings.
    """
    by_shape = {lane.shape: lane for lane in lanes}
    deadlines = request.deadlines_ms(manifest)
    counts = {candidate.max_steps for candidate in candidates}
    known: dict[tuple[Shape, int, float], Prediction] = {}

    def predicted(shape: Shape, num_steps: int, deadline_ms: float) -> Prediction:
        key = (shape, num_steps, deadline_ms)
        if key not in known:
            known[key] = predict(manifest, by_shape[shape], num_steps, deadline_ms)
        return known[key]

    found: list[Screened] = []
    for deadline_ms in deadlines:
        for candidate in candidates:
            shape, steps = candidate.shape, candidate.max_steps
            floor = prediction = before = predicted(shape, 0, deadline_ms)
            if floor.miss_rate <= request.miss_rate:
                prediction = predicted(shape, steps, deadline_ms)
                before = predicted(shape, max((each for each in counts if each < steps), default=0), deadline_ms)
            simulated_ms = None if request.clock == "lock-step" else deadline_ms
            if simulated_ms is not None and prediction.whole >= _WHOLE:
                simulated_ms = deadlines[-1]
            found.append(
                Screened(
                    candidate=candidate,
                    deadline_ms=deadline_ms,
                    prediction=prediction,
                    left_out=_reason(request, steps, prediction, floor, before),
                    simulated_ms=simulated_ms,
                )
            )
    return found


def screened_row(screened: Screened) -> dict[str, Any]:
    """Return a setting at a deadline, as it was foretold, under the keys that every verb uses."""
    prediction = screened.prediction
    return {
        **screened.candidate.settings(),
        "deadline_ms": screened.deadline_ms,
        "predicted_miss_rate": prediction.miss_rate,
        "predicted_steps": prediction.mean_steps,
        "predicted_whole": prediction.whole,
        "tick_ms": prediction.tick_ms,
        "left_out": screened.left_out,
    }


def _reason(
    request: TuneRequest, steps: int, prediction: Prediction, floor: Prediction, before: Prediction
) -> str | None:
    """Return why a setting is not simulated, or None."""
    if floor.miss_rate > request.miss_rate:
        return f"misses {_percent(floor.miss_rate)} even without a step"
    if prediction.miss_rate > request.miss_rate:
        return f"misses {_percent(prediction.miss_rate)}"
    if steps and prediction.mean_steps < before.mean_steps + _LEAST_USE:
        return f"step {steps} hardly ever fits"
    if request.clock == "lock-step" and prediction.whole < _WHOLE:
        return f"cut short in {_percent(1 - prediction.whole)}, which lock-step cannot show"
    return None


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
