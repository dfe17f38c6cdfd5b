"""Episodes to rows, under the keys that every verb uses, with how sure rates and means are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sim.evaluation.episode import Episode
from sim.evaluation.job import Job
from sim.evaluation.modes import Setting
from vgf_robot.bundle import Bundle
from vgf_robot.controller import resolve
from vgf_robot.receipts import split_name
from vgf_robot.results import latency_summary

_STAGES = ("tick", "reference", "step", "select", "round_trip")
SUCCESS_COLUMNS: tuple[str, ...] = ("success_rate", "success_low", "success_high")
RETURN_COLUMNS: tuple[str, ...] = ("return_mean", "return_low", "return_high")
_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile
_RESAMPLES = 4000
_BOOTSTRAP_SEED = 0  # fixed: the same episodes give the same interval


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
    backend, precision = split_name(job.backend)
    period_ms = bundle.manifest.control_period_s * 1e3
    return {
        "mode": mode,
        "task": job.environment,
        "backend": backend,
        "precision": bundle.variant(point.num_particles, point.reference_steps, precision).precision,
        "num_particles": setting.num_particles,
        "reference_steps": point.reference_steps,
        "max_steps": setting.max_steps,
        "step_size": setting.step_size,
        "min_gain": setting.min_gain,
        "selection": setting.selection,
        "deadline_ms": period_ms * job.deadline_share if job.clock != "lock-step" else None,
        "episodes": len(episodes),
        "outcomes": [episode.success for episode in episodes],
        "returns": [episode.total_reward for episode in episodes],
        **_scores(episodes),
        **_control(episodes),
        **{f"{stage}_ms": latency_summary(_pool(episodes, stage)) for stage in _STAGES},
    }


def wilson_interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a success rate.

    Unlike mean +- standard error it stays inside [0, 1] and does not shrink to a point at 0 or all successes.

    Args:
        successes: Number of episodes that succeeded, 0 to `episodes`.
        episodes: Number of episodes, at least 1.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    rate = successes / episodes
    spread = _Z_95**2 / episodes
    centre = (rate + spread / 2) / (1 + spread)
    half = _Z_95 * math.sqrt(rate * (1 - rate) / episodes + spread / (4 * episodes)) / (1 + spread)
    # At 0 and all successes the bounds are exact; rounding would put them a hair outside.
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == episodes else centre + half)


def mean_interval(values: ArrayLike) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of a mean; returns are seldom normal.

    Args:
        values: Shape (episodes,), at least one.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    means = sample[rng.integers(0, sample.size, (_RESAMPLES, sample.size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


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
        "data_distance_mean": _data_distance(episodes),
    }


def _data_distance(episodes: Sequence[Episode]) -> float | None:
    """Return the mean over all periods; None where actions were not looked up."""
    known = [(each.data_distance_mean, each.num_periods) for each in episodes if each.data_distance_mean is not None]
    if not known:
        return None
    distances, periods = zip(*known, strict=True)
    return float(np.average(distances, weights=periods))


def _pool(episodes: Iterable[Episode], stage: str) -> list[float]:
    return [sample for episode in episodes for sample in episode.latencies_ms.get(stage, ())]
