"""Misses and steps on disturbed machines: fixed budgets, quantiles alone, and the margin that learns.

Nothing is timed here: durations, invented or recorded, are played through the controller on a clock of their own, so
that every machine gives the same figures. `fixed-cap` takes every step whatever the time; `quantiles` counts a step at
its upper quantile and keeps no margin; `oracle` knows each tick's durations in advance. A step's time is taken as
recorded whichever ticks before it took steps, so a recording of a machine that was kept busier than need be is harder.

Example:
    python benchmarks/disturbances.py --recorded tests/durations --plot docs/disturbances.png
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import tyro

from sim.durations import DISTURBANCES, Durations, Outcome, load_durations, oracle_steps, replay
from vgf_robot import results
from vgf_robot.bundle import Bundle
from vgf_robot.controller import ControllerSettings

mpl.use("Agg")
from matplotlib import pyplot as plt

UPPER_QUANTILE = 0.99
QUANTILE_WINDOW = 256
COLUMNS = ("machine", "mode", "miss_rate", "avoidable_miss_rate", "floor", "mean_steps")
SMOOTHED_TICKS = 200


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 10000
    """Ticks of each invented machine."""
    miss_rate: float = 1e-3
    """Share of ticks that may miss because of their steps."""
    recorded: Path | None = None
    """A folder of durations that `benchmarks/controller.py --record` wrote."""
    seed: int = 0
    """Of the invented machines."""
    plot: Path | None = None
    """Draw steps and margin over time there."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    machines = dict(_machines(options))
    outcomes = {name: _outcomes(durations, options.miss_rate) for name, durations in machines.items()}
    rows = [row for name, durations in machines.items() for row in _rows(name, durations, outcomes[name])]
    results.print_table(f"replayed, miss rate {options.miss_rate:g}", rows, COLUMNS)
    if options.plot is not None:
        _draw(machines, outcomes, options.plot)
    if options.json is not None:
        results.write_json(options.json, "benchmarks/disturbances", asdict(options), rows)
    return 0


def _machines(options: Options) -> Iterator[tuple[str, Durations]]:
    for name, disturbed in DISTURBANCES.items():
        yield name, disturbed(options.ticks, np.random.default_rng(options.seed))
    for path in sorted(options.recorded.glob("*.npz")) if options.recorded is not None else ():
        yield f"recorded: {path.stem}", load_durations(path)


def _outcomes(durations: Durations, miss_rate: float) -> dict[str, Outcome]:
    manifest = Bundle.load("hopper-replay").manifest  # any will do
    learning = ControllerSettings(miss_rate=miss_rate)
    no_margin = ControllerSettings(margin_rise=0.0, window=QUANTILE_WINDOW)
    return {
        "fixed-0": replay(manifest, durations, learning, max_steps=0),
        "fixed-cap": replay(manifest, durations, learning, anytime=False),
        "quantiles": replay(manifest, durations, no_margin, step_quantile=UPPER_QUANTILE),
        "adaptive": replay(manifest, durations, learning),
    }


def _rows(machine: str, durations: Durations, outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    floor = outcomes["fixed-0"].miss_rate
    best = oracle_steps(durations)
    rows: list[dict[str, Any]] = [
        {
            "machine": machine,
            "mode": mode,
            "periods": durations.num_ticks,
            "miss_rate": outcome.miss_rate,
            "avoidable_miss_rate": outcome.avoidable_miss_rate,
            "floor": floor,
            "mean_steps": outcome.mean_steps,
        }
        for mode, outcome in outcomes.items()
    ]
    return [*rows, {"machine": machine, "mode": "oracle", "floor": floor, "mean_steps": float(best.mean())}]


def _draw(machines: dict[str, Durations], outcomes: dict[str, dict[str, Outcome]], path: Path) -> None:
    figure, axes = plt.subplots(len(machines), 2, figsize=(11, 2.1 * len(machines)), squeeze=False, sharex="row")
    for (steps, margin), (name, durations) in zip(axes, machines.items(), strict=True):
        for mode in ("fixed-cap", "quantiles", "adaptive"):
            outcome = outcomes[name][mode]
            steps.plot(_smoothed(outcome.steps), label=f"{mode}: misses {100 * outcome.miss_rate:.2f} %", lw=1)
        steps.plot(_smoothed(oracle_steps(durations)), "k:", label="oracle", lw=1)
        steps.set(title=name, ylabel="steps", ylim=(-0.2, durations.max_steps + 0.3))
        steps.legend(fontsize=7, loc="lower left")
        margin.plot(outcomes[name]["adaptive"].margin_ns / 1e6, color="tab:green", lw=1)
        missed = np.flatnonzero(outcomes[name]["adaptive"].missed)
        margin.plot(missed, np.zeros_like(missed), "r|", label="a miss")
        margin.set(title="the margin", ylabel="ms")
        margin.legend(fontsize=7, loc="upper left")
    for axis in axes[-1]:
        axis.set_xlabel("tick")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _smoothed(values: np.ndarray) -> np.ndarray:
    return np.convolve(values, np.ones(SMOOTHED_TICKS) / SMOOTHED_TICKS, mode="valid")


if __name__ == "__main__":
    raise SystemExit(main())
