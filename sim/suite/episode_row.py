"""One episode as one row: its seeds, its settings, its outcome and its timings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.evaluation.episode import Episode, episode_seeds
from sim.suite.cells import Key
from sim.suite.suite import NamedBudget, Suite
from vgf_robot.bundle import Bundle
from vgf_robot.controller import resolve
from vgf_robot.results import latency_summary

STAGES = ("tick", "reference", "step", "select", "round_trip")
STATISTICS = ("p50", "p95", "p99", "max")
Row = Mapping[str, Any]


def episode_row(
    suite: Suite, key: Key, budget: NamedBudget, bundle: Bundle, environment: str, episode: Episode
) -> dict[str, Any]:
    """Return the row of an episode; of plain numbers, texts and one mapping.

    Args:
        suite: What was run.
        key: Which episode.
        budget: That of its cell.
        bundle: That of its task.
        environment: The plant's name.
        episode: Its outcome.
    """
    point = resolve(budget.budget(), bundle.manifest)
    plant_seed, controller_seed = episode_seeds(suite.seed, key.episode)
    deadline_ms = budget.deadline_ms or 1e3 * suite.deadline_share * bundle.manifest.control_period_s
    return {
        **key.cell._asdict(),
        "episode": key.episode,
        "plant_seed": plant_seed,
        "controller_seed": controller_seed,
        "bundle_sha256": bundle.sha256,
        "environment": environment,
        "backend": budget.backend or suite.backend,
        "precision": bundle.variant(point.num_particles, point.reference_steps).precision,
        "threads": budget.threads or suite.threads,
        "clock": suite.clock,
        "deadline_ms": None if suite.clock == "lock-step" else deadline_ms,
        "keeps_deadline": budget.keeps_deadline,
        "num_particles": point.num_particles,
        "reference_steps": point.reference_steps,
        "max_steps": point.max_steps,
        "step_size": point.step_size,
        "max_distance": point.max_distance,
        "min_gain": point.min_gain,
        "selection": point.selection,
        **_outcome(episode),
        **_timings(episode),
    }


def _outcome(episode: Episode) -> dict[str, Any]:
    squares = np.square(np.asarray(episode.displacement, dtype=np.float64))
    return {
        "success": episode.success,
        "return": episode.total_reward,
        "num_periods": episode.num_periods,
        "num_misses": episode.num_misses,
        "num_steps": episode.steps,
        "fallbacks": dict(sorted(episode.fallbacks.items())),
        "displacement_rms": float(np.sqrt(squares.mean())) if squares.size else None,
        "num_displaced": int(squares.size),
        "value_mean": episode.value_mean,
        "data_distance_mean": episode.data_distance_mean,
    }


def _timings(episode: Episode) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for stage in STAGES:
        summary = latency_summary(episode.latencies_ms.get(stage, ()))
        row |= {f"{stage}_ms_{name}": None if summary is None else summary[name] for name in STATISTICS}
    return row
