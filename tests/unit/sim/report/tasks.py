"""Tasks whose episodes are made up: what they show is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.report.task import Task
from sim.suite.cells import Cell
from sim.suite.episode_row import STAGES, STATISTICS
from sim.suite.summary import cell_row

NUM = 12


def episodes(
    budget: str,
    scores: Sequence[float],
    *,
    scenario: str = "clear",
    severity: float = 0.0,
    max_steps: int = 0,
    success: bool = False,
    **changes: Any,
) -> list[dict[str, Any]]:
    """One row for each score, which is a return or with `success` 0 or 1."""
    timings = {f"{stage}_ms_{name}": None for stage in STAGES for name in STATISTICS}
    common: dict[str, Any] = {
        **{"task": "made-up", "scenario": scenario, "severity": severity, "budget": budget},
        **{"environment": "Test-v0", "backend": "onnxruntime-cpu", "precision": "float32", "threads": 1},
        **{"clock": "lock-step", "deadline_ms": None, "keeps_deadline": True, "bundle_sha256": "ab" * 32},
        **{"num_particles": 10, "reference_steps": 5, "max_steps": max_steps, "step_size": 0.3},
        **{"max_distance": None, "min_gain": None, "selection": "argmax"},
        **{"num_periods": 100, "num_misses": 0, "num_steps": 100 * max_steps, "fallbacks": {}},
        **{"displacement_rms": 0.1 * max_steps, "num_displaced": 100, "value_mean": 1.0, "data_distance_mean": None},
        **timings,
        **{f"tick_ms_{name}": (1 + max_steps) * factor for name, factor in zip(STATISTICS, (1, 2, 3, 9), strict=True)},
    }
    return [
        {
            **common,
            **{"episode": number, "plant_seed": number, "controller_seed": number + 100},
            **{"success": bool(score) if success else None, "return": float(score)},
            **changes,
        }
        for number, score in enumerate(scores)
    ]


def task_of(*groups: Sequence[dict[str, Any]]) -> Task:
    """A task of cells, one for each group of rows."""
    cells = {Cell(*(rows[0][key] for key in ("task", "scenario", "severity", "budget"))): rows for rows in groups}
    return Task(name="made-up", episodes=cells, rows={cell: cell_row(cell, rows) for cell, rows in cells.items()})


def around(mean: float, spread: float = 1.0, count: int = NUM) -> list[float]:
    """Scores about a mean, the same luck every time."""
    return [mean + spread * ((7 * number) % count - (count - 1) / 2) / count for number in range(count)]
