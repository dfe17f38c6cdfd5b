"""The arm: how often each budget solves the task, and what it looks like in real time through the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.busy import usable_cores
from sim.demo.driving import DEADLINE_SHARE, opened_driver, real_time_job
from sim.demo.recording import Recording, RecordingPlant
from sim.demo.request import Extent, OpenPlant
from sim.demo.trace import Trace, Traced
from sim.evaluation.episode import Episode, episode_seeds
from sim.evaluation.evaluate import Evaluation, evaluate
from sim.evaluation.modes import TUNED, Setting
from sim.evaluation.plan import Plan
from sim.evaluation.real_time import MonotonicClock, RealTime, run_real_time
from sim.evaluation.rows import make_row
from sim.plants import Plant
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Real-time episodes of the tuned budget.

    Attributes:
        row: In the machine-readable form.
        trace: Every period.
        recordings: Every episode.
        deadline_ms: From the start of a period to its deadline.
    """

    row: dict[str, Any]
    trace: Trace
    recordings: list[Recording]
    deadline_ms: float


def success_per_budget(bundle: Bundle, extent: Extent, seed: int, open_plant: OpenPlant) -> Evaluation:
    """Run the budgets on the same episodes in lock-step, in one process per core.

    Raises:
        ConfigError: The bundle's task knows returns only.
    """
    plan = Plan(episodes=extent.success_episodes, seed=seed, workers=len(usable_cores()))
    evaluation = evaluate(bundle, plan, open_plant)
    if evaluation.rows[0]["success_rate"] is None:
        raise ConfigError(f"--arm: '{evaluation.environment}' gives returns and no success; give a bundle of an arm.")
    return evaluation


def run_live(bundle: Bundle, plant: Plant, extent: Extent, seed: int, report: Callable[[str], None]) -> Live:
    """Run episodes of the tuned budget in real time through a server of this bundle.

    Args:
        bundle: What to serve.
        plant: What it controls; closed by the caller.
        extent: How many episodes.
        seed: The episodes follow from it, the same as in the table.
        report: Told in words how far it is.
    """
    point = bundle.manifest.operating_point
    setting = Setting.at(point)
    timing = RealTime(manifest=bundle.manifest, deadline_share=DEADLINE_SHARE, clock=MonotonicClock())
    recorder, trace = RecordingPlant(plant), Trace()
    episodes: list[Episode] = []
    recordings: list[Recording] = []
    with opened_driver(bundle, "server") as driver:
        began_s = time.monotonic()
        traced = Traced(driver, trace, timing.clock)
        while not episodes or (
            len(episodes) < extent.live_episodes and time.monotonic() - began_s < extent.live_budget_s
        ):
            report(f"episode {len(episodes) + 1}")
            seeds = episode_seeds(seed, len(episodes))
            episodes.append(run_real_time(recorder, traced, setting.budget(), seeds, timing))
            recordings.append(recorder.recording())
    row = make_row(real_time_job(bundle, plant.environment_id, seed), bundle, TUNED, setting, episodes)
    row |= {"busy_processes": 0, "periods": sum(episode.num_periods for episode in episodes)}
    return Live(row=row, trace=trace, recordings=recordings, deadline_ms=timing.deadline_ns / 1e6)
