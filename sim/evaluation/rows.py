"""Episodes to rows, under the keys that every verb uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sim.evaluation.episode import Episode
from sim.evaluation.job import Job
from sim.evaluation.setting import Setting
from sim.evaluation.statistics import mean_interval, wilson_interval
from vgf_robot.bundle.bundle import Bundle
from vgf_robot.controller.budget import resolve
from vgf_robot.results import latency_summary

_STAGES = ("tick", "reference", "step", "select", "round_trip")
SUCCESS_COLUMNS: tuple[str, ...] = ("success_rate", "success_low", "success_high")
RETURN_COLUMNS: tuple[str, ...] = ("return_mean", "return_low", "return_high")


def make_row(job: Job, bundle: Bundle, mode: str, setting: Setting, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return the row of one setting.

    Args:
        job: What the episodes have in common.
        bundle: What was run.
        mode: The setting's name.
        setting: What was varied.
        episodes: At least one.
    """
    point = resolve(setting.budget(), bundle.manifest)
    period_ms = bundle.manifest.control_period_s * 1e3
    return {
        "mode": mode,
        "task": job.environment,
        "backend": job.backend,
        "precision": bundle.variant(point.num_particles, point.reference_steps).precision,
        "num_particles": setting.num_particles,
        "reference_steps": point.reference_steps,
        "max_steps": setting.max_steps,
        "step_size": setting.step_size,
        "selection": setting.selection,
        "deadline_ms": period_ms * job.deadline_share if job.clock == "real-time" else None,
        "episodes": len(episodes),
        **_scores(episodes),
        **_control(episodes),
        **{f"{stage}_ms": latency_summary(_pool(episodes, stage)) for stage in _STAGES},
    }


def _scores(episodes: Sequence[Episode]) -> dict[str, float | None]:
    returns = [episode.total_reward for episode in episodes]
    values: list[float | None] = [None, None, None]
    if all(episode.success is not None for episode in episodes):
        successes = sum(bool(episode.success) for episode in episodes)
        values = [successes / len(episodes), *wilson_interval(successes, len(episodes))]
    values += [float(np.mean(returns)), *mean_interval(returns)]
    return dict(zip((*SUCCESS_COLUMNS, *RETURN_COLUMNS), values, strict=True))


def _control(episodes: Sequence[Episode]) -> dict[str, Any]:
    num_periods = sum(episode.num_periods for episode in episodes)
    displacement = np.concatenate([np.asarray(episode.displacement, dtype=np.float64) for episode in episodes])
    fallbacks = sum((Counter(episode.fallbacks) for episode in episodes), Counter[str]())
    return {
        "mean_steps": sum(episode.steps for episode in episodes) / num_periods,
        "miss_rate": sum(episode.num_misses for episode in episodes) / num_periods,
        "fallbacks": dict(sorted(fallbacks.items())),
        "displacement_rms": float(np.sqrt(np.mean(displacement**2))) if displacement.size else None,
    }


def _pool(episodes: Iterable[Episode], stage: str) -> list[float]:
    return [sample for episode in episodes for sample in episode.latencies_ms.get(stage, ())]
