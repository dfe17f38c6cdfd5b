"""What was found, as rows under the keys that every verb uses, and as a device profile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sim.evaluation.modes import SWEEP, TUNED
from sim.suite.comparison import COMPARISON, compared
from sim.tuning.candidates import on_backend
from sim.tuning.choosing import Choice, cell_of, nearest
from sim.tuning.costs import cost_rows
from sim.tuning.screening import Screened, screened_row
from sim.tuning.simulating import Simulated
from sim.tuning.tuning import Tuned
from vgf_robot.profile import DeviceProfile, WorkingPoint, load_profile
from vgf_robot.results import device_facts

FRONTIER, CAUTION = "frontier", "caution"
_OUTCOME = ("episodes", "success_rate", "success_low", "success_high", "return_mean", "return_low", "return_high")
_OUTCOME += ("mean_steps", "miss_rate", "fallbacks", "displacement_rms", "value_mean", "data_distance_mean")
_DIFFERENCE = ("success_difference", "success_difference_low", "success_difference_high", "return_difference")
_DIFFERENCE += ("return_difference_low", "return_difference_high", "better", "worse", "p_value")


def rows_of(tuned: Tuned) -> list[dict[str, Any]]:
    """Return every row: costs, settings as they were chosen, working points and rivals, the frontier, caution."""
    cap = max(tuned.request.steps, default=tuned.bundle.manifest.operating_point.max_steps)
    return [
        *cost_rows(tuned.costs, list(tuned.lanes), cap),
        *(_swept(tuned, each) for each in tuned.screened),
        *working_rows(tuned),
        *(row for choice in _asked(tuned) for row in _comparisons(tuned, choice)),
        *frontier_rows(tuned),
        *caution_rows(tuned),
    ]


def working_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the working point of every deadline that was asked for, each followed by its rivals."""
    return [row for choice in _asked(tuned) for row in _working(tuned, choice)]


def frontier_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the best setting of every deadline, ascending, and what it is worth more than that of the one before.

    Where no setting keeps a deadline, the one that comes nearest stands there, with why it does not.
    """
    rows: list[dict[str, Any]] = []
    before: Simulated | None = None
    for deadline_ms in tuned.request.deadlines_ms(tuned.bundle.manifest):
        choice = tuned.choices.get(deadline_ms)
        if choice is None:
            row = _swept(tuned, nearest(tuned.screened, deadline_ms))
            changes = {"mode": FRONTIER, "seed": tuned.request.confirm_seed}
            rows.append({**row, **changes, **dict.fromkeys(_DIFFERENCE)})
            continue
        confirmed = tuned.confirmed[choice.confirmed(choice.screened)]
        gained = {} if before is None else compared(confirmed.episodes, before.episodes)
        difference = {key: gained.get(key) for key in _DIFFERENCE}
        rows.append({**_confirmed_row(tuned, FRONTIER, choice, choice.screened), **difference})
        before = confirmed
    return rows


def caution_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the working point at every displacement, ascending, the bundle's own last."""
    return [
        {
            "mode": CAUTION,
            "task": _task(tuned),
            "seed": tuned.request.confirm_seed,
            **cell.candidate.settings(),
            "deadline_ms": cell.deadline_ms,
            **_outcome(simulated),
        }
        for cell, simulated in tuned.caution.items()
    ]


def profile_of(tuned: Tuned) -> DeviceProfile:
    """Return the device profile: facts of the device, what ticks take there, and a working point per deadline."""
    device = device_facts() if tuned.request.profile is None else load_profile(Path(tuned.request.profile)).device
    return DeviceProfile(
        device=device,
        bundle=tuned.bundle.manifest.name,
        bundle_sha256=tuned.bundle.sha256,
        stages=tuple(lane.samples() for lane in tuned.lanes),
        points=tuple(_point(tuned, choice) for choice in _asked(tuned)),
    )


def settings_of(tuned: Tuned, source: str) -> dict[str, Any]:
    """Return everything that is needed to repeat it."""
    return {
        "bundle": source,
        "bundle_name": tuned.bundle.manifest.name,
        "bundle_sha256": tuned.bundle.sha256,
        "control_period_s": tuned.bundle.manifest.control_period_s,
        "operating_point": msgspec.to_builtins(tuned.bundle.manifest.operating_point),
        **msgspec.to_builtins(tuned.request),
        "environment": _task(tuned),
        "work": str(tuned.work),
        "times": str(tuned.times),
        "data_distance_median": tuned.data_distance,
    }


def _asked(tuned: Tuned) -> list[Choice]:
    return [tuned.choices[each] for each in sorted(tuned.request.deadline_ms) if each in tuned.choices]


def _task(tuned: Tuned) -> str:
    return tuned.request.environment or tuned.bundle.manifest.environment


def _swept(tuned: Tuned, screened: Screened) -> dict[str, Any]:
    """Return a setting as it was foretold, and what it was worth where it was simulated."""
    simulated = tuned.simulated.get(cell_of(screened)) if screened.left_out is None else None
    return {
        "mode": SWEEP,
        "task": _task(tuned),
        "seed": tuned.request.seed,
        **screened_row(screened),
        **_on_lane(tuned, screened),
        "simulated_ms": screened.simulated_ms,
        **_outcome(simulated),
    }


def _working(tuned: Tuned, choice: Choice) -> list[dict[str, Any]]:
    named = {TUNED: choice.screened, **choice.rivals}
    return [_confirmed_row(tuned, mode, choice, each) for mode, each in named.items()]


def _comparisons(tuned: Tuned, choice: Choice) -> list[dict[str, Any]]:
    episodes = tuned.confirmed[choice.confirmed(choice.screened)].episodes
    return [
        {
            "mode": COMPARISON,
            "task": _task(tuned),
            "seed": tuned.request.confirm_seed,
            "deadline_ms": choice.deadline_ms,
            "budget": TUNED,
            "baseline": mode,
            **compared(episodes, tuned.confirmed[choice.confirmed(rival)].episodes),
        }
        for mode, rival in choice.rivals.items()
        if rival.candidate != choice.screened.candidate
    ]


def _confirmed_row(tuned: Tuned, mode: str, choice: Choice, screened: Screened) -> dict[str, Any]:
    simulated = tuned.simulated.get(cell_of(screened))
    on_choosing = {} if simulated is None else _outcome(simulated)
    return {
        "mode": mode,
        "task": _task(tuned),
        "seed": tuned.request.confirm_seed,
        **screened_row(screened),
        **_on_lane(tuned, screened),
        **_outcome(tuned.confirmed[choice.confirmed(screened)]),
        **{f"choosing_{key}": on_choosing.get(key) for key in ("success_rate", "return_mean", "episodes")},
    }


def _on_lane(tuned: Tuned, screened: Screened) -> dict[str, Any]:
    lane = next(lane for lane in tuned.lanes if lane.shape == screened.candidate.shape)
    return on_backend(screened.candidate, lane.compute)


def _outcome(simulated: Simulated | None) -> dict[str, Any]:
    row: Mapping[str, Any] = {} if simulated is None else simulated.row
    return {key: row.get(key) for key in _OUTCOME}


def _point(tuned: Tuned, choice: Choice) -> WorkingPoint:
    candidate, prediction = choice.screened.candidate, choice.screened.prediction
    compute = next(lane.compute for lane in tuned.lanes if lane.shape == candidate.shape)
    row = tuned.confirmed[choice.confirmed(choice.screened)].row
    keys = ("success_rate", "success_low", "success_high", "return_mean", "return_low", "return_high")
    expected = {key: row[key] for key in (*keys, "mean_steps", "miss_rate")}
    expected["tick_ms_p99"] = None if prediction.tick_ms is None else prediction.tick_ms["p99"]
    return WorkingPoint(
        deadline_ms=choice.deadline_ms,
        miss_rate=tuned.request.miss_rate,
        backend=compute.backend,
        precision=compute.precision,
        threads=compute.threads,
        reference_steps=candidate.shape.reference_steps,
        budget=candidate.budget(),
        margin_ms=prediction.margin_ms,
        expected=expected,
    )
