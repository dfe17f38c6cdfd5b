"""A finished demo made by hand, and what it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.demo.arm import Live
from sim.demo.comparison import Comparison
from sim.demo.recording import Recording
from sim.demo.rounds import Run, turns
from sim.demo.tour import Tour
from sim.demo.trace import Request, Trace
from sim.evaluation.episode import Episode
from sim.evaluation.evaluate import Evaluation
from sim.evaluation.plan import Plan
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle

MS = 1_000_000
LATENCY = {"p50": 1.0, "p95": 1.5, "p99": 2.0, "p999": 2.5, "max": 3.0}


def request(period: int, arrival_ms: float | None, steps: int = 2) -> Request:
    """An answer so long after the period began; periods of 50 ms, deadlines after 45 ms."""
    due_ns = (50 * period + 45) * MS
    arrival_ns = None if arrival_ms is None else round((50 * period + arrival_ms) * MS)
    return Request(due_ns=due_ns, arrival_ns=arrival_ns, steps=None if arrival_ms is None else steps, fresh=True)


def make_row(mode: str, **changes: object) -> dict:
    row: dict = {"mode": mode, "task": "Test-v0", "num_particles": 4, "max_steps": 3, "step_size": 0.05}
    row |= {"selection": "argmax", "deadline_ms": None, "episodes": 4, "periods": 12, "busy_processes": 0}
    row |= {"success_rate": 0.5, "success_low": 0.2, "success_high": 0.8, "displacement_rms": 0.1, "fallbacks": {}}
    row |= {"return_mean": 10.0, "return_low": 8.0, "return_high": 12.0, "miss_rate": 0.0, "mean_steps": 2.0}
    row |= {"tick_ms": LATENCY, "round_trip_ms": None, "synthetic": False}
    return row | changes


def make_comparison(
    bundle: Bundle, miss_rates: tuple[float, float, float] = (0.01, 0.2, 0.015), synthetic: bool = False
) -> Comparison:
    runs, rows = [], []
    for turn, miss_rate in zip(turns(bundle.manifest), (*miss_rates, 0.0), strict=True):
        trace = Trace([[request(0, 10.0), request(1, 50.0), request(3, None)]])
        episode = Episode(
            success=None,
            total_reward=1.0,
            num_periods=4,
            num_misses=3,
            steps=2,
            fallbacks={},
            displacement=(),
            latencies_ms={},
        )
        runs.append(Run(turn, [episode], trace))
        returns = dict.fromkeys(("return_mean", "return_low", "return_high")) if synthetic else {}
        unsuccessful = dict.fromkeys(("success_rate", "success_low", "success_high"))
        busy = 2 if turn.loaded else 0
        rows.append(
            make_row(
                turn.mode.name,
                miss_rate=miss_rate,
                busy_processes=busy,
                deadline_ms=45.0,
                synthetic=synthetic,
                max_steps=turn.mode.setting.max_steps,
                **unsuccessful,
                **returns,
            )
        )
    return Comparison(
        bundle=bundle, through="server", num_busy=2, deadline_ms=45.0, runs=runs, rows=rows, synthetic=synthetic
    )


def make_live() -> Live:
    recording = Recording(
        environment="Test-v0", control_period_s=0.05, seed=0, actions=np.zeros((4, 2), np.float32), success=True
    )
    trace = Trace([[request(0, 10.0), request(1, 12.0), request(2, 11.0), request(3, 9.0)]])
    row = make_row("tuned", deadline_ms=45.0, round_trip_ms=LATENCY)
    return Live(row=row, trace=trace, recordings=[recording], deadline_ms=45.0)


def make_tour(folder: Path, *, video: object = "No video: there is no renderer.", synthetic: bool = False) -> Tour:
    bundle = Bundle.load(make_bundle(folder, num_particles=(1, 4)))
    rows = [make_row(mode) for mode in ("reference", "best-of-n", "tuned")]
    arm = Evaluation(bundle=bundle, plan=Plan(episodes=4), environment="Test-v0", rows=rows)
    return Tour(
        arm=arm,
        live=make_live(),
        video=video,  # type: ignore[arg-type]
        load=make_comparison(bundle),
        synthetic=make_comparison(bundle, synthetic=True) if synthetic else None,
    )
