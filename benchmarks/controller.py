"""Deadlines kept and steps taken on a loaded machine: fixed budgets beside the one that adapts.

The synthetic bundle of the paper's size runs on a grid whose period is 1.25 times what a tick at the full cap takes at
p99 while the machine is idle. Then every core gets a busy process, and three budgets take turns, block after block:
no step, every step, and as many as fit. First at ordinary priority, then, where permitted, under SCHED_FIFO.

Example:
    python benchmarks/controller.py --ticks 20000 --json out/bench/controller.json
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tyro
from rich.progress import Progress

from sim.busy import busy_processes, usable_cores
from sim.durations import Durations, save_durations
from vgf_robot import results
from vgf_robot.bench import BenchSettings, measure, synthetic_bundle
from vgf_robot.bundle import Bundle, write_manifest
from vgf_robot.controller import Budget, Command, Controller, ControllerSettings
from vgf_robot.drive import Grid
from vgf_robot.errors import MachineError
from vgf_robot.realtime import RealTimeSettings, enter

FACTOR = 1.25
FIFO_PRIORITY = 50
COLUMNS = ("scheduling", "mode", "miss_rate", "avoidable_miss_rate", "floor", "mean_steps", "tick_ms", "late_ms")
IDLE_COLUMNS = ("max_steps", "tick_ms", "p999_over_p50")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    ticks: int = 20000
    """Ticks per row."""
    miss_rate: float = 1e-3
    """Share of ticks that may miss because of their steps."""
    idle_ticks: int = 2000
    """Ticks per number of steps on the idle machine."""
    block: int = 500
    """Ticks before the next budget has its turn."""
    record: Path | None = None
    """Write what the stages of the ticks at the full cap took to a file in this folder, one per scheduling."""
    json: Path | None = None
    """Write the rows there."""


@dataclass(kw_only=True)
class Mode:
    """One budget and what became of it."""

    name: str
    controller: Controller
    budget: Budget
    anytime: bool
    commands: list[Command] = field(default_factory=list)
    late_ns: list[int] = field(default_factory=list)
    missed: list[bool] = field(default_factory=list)
    avoidable: list[bool] = field(default_factory=list)
    """Of the periods missed, those that fewer steps might have kept."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    # The bar draws between blocks only: a thread of its own would disturb the ticks.
    with tempfile.TemporaryDirectory() as folder, Progress(auto_refresh=False) as progress:
        bundle = synthetic_bundle(Path(folder) / "bundle")
        idle = _idle_rows(bundle, options, progress)
        period_s = FACTOR * idle[-1]["tick_ms"]["p99"] / 1e3
        bundle = write_manifest(bundle.folder, msgspec.structs.replace(bundle.manifest, control_period_s=period_s))
        rows: list[dict[str, Any]] = []
        for scheduling in ("ordinary", "fifo"):
            modes = _modes(bundle, options.miss_rate)
            if _entered(scheduling):
                with busy_processes(usable_cores()):
                    _take_turns(modes, bundle, options, progress, scheduling)
                rows += _rows(modes, scheduling)
                if options.record is not None:
                    save_durations(options.record / f"{scheduling}.npz", _recorded(modes, bundle))
    results.print_table("idle, every step, p50 / p99", idle, IDLE_COLUMNS)
    results.print_table(f"loaded, period {1e3 * period_s:.2f} ms, p50 / p99", rows, COLUMNS)
    if options.json is not None:
        settings = {**asdict(options), "period_ms": 1e3 * period_s}
        results.write_json(options.json, "benchmarks/controller", settings, [*idle, *rows])
    return 0


def _idle_rows(bundle: Bundle, options: Options, progress: Progress) -> list[dict[str, Any]]:
    task = progress.add_task("idle", total=options.idle_ticks)
    timings = measure(
        Controller.open(bundle),
        BenchSettings(ticks=options.idle_ticks),
        lambda count: progress.update(task, completed=count, refresh=count % 100 == 0),
    )
    rows: list[dict[str, Any]] = []
    for steps, kept in timings.items():
        summary = results.latency_summary([timing.tick_ns / 1e6 for timing in kept])
        rows.append({"max_steps": steps, "tick_ms": summary, "p999_over_p50": summary["p999"] / summary["p50"]})
    return rows


def _modes(bundle: Bundle, miss_rate: float) -> list[Mode]:
    def opened() -> Controller:  # each learns from its own ticks alone
        return Controller.open(bundle, settings=ControllerSettings(miss_rate=miss_rate))

    return [
        Mode(name="fixed-0", controller=opened(), budget=Budget(max_steps=0), anytime=True),
        Mode(name="fixed-cap", controller=opened(), budget=Budget(), anytime=False),
        Mode(name="adaptive", controller=opened(), budget=Budget(), anytime=True),
    ]


def _entered(scheduling: str) -> bool:
    wanted = RealTimeSettings(fifo_priority=FIFO_PRIORITY if scheduling == "fifo" else None, freeze_garbage=True)
    try:
        print(f"{scheduling}: {enter(wanted)}")
    except MachineError as error:
        print(f"{scheduling}: left out. {error}")
        return False
    return True


def _take_turns(modes: list[Mode], bundle: Bundle, options: Options, progress: Progress, scheduling: str) -> None:
    task = progress.add_task(f"loaded, {scheduling}", total=options.ticks)
    for done in range(0, options.ticks, options.block):
        for mode in modes:
            _run_block(mode, bundle, min(options.block, options.ticks - done))
        progress.update(task, completed=min(done + options.block, options.ticks), refresh=True)


def _run_block(mode: Mode, bundle: Bundle, num_ticks: int) -> None:
    manifest = bundle.manifest
    period_ns = round(1e9 * manifest.control_period_s)
    observation = np.zeros(manifest.observation_size, np.float32)
    episode = mode.controller.begin_episode(0)
    grid = Grid(period_ns)
    last = eaten = 0
    while last < num_ticks:
        point = grid.wait()
        due_ns = point.at_ns + period_ns
        # A period without a tick is a miss; it is the budget's where a tick with steps lasted all through it.
        mode.missed += [True] * point.skipped
        mode.avoidable += [index < eaten for index in range(point.skipped)]
        last = point.index + 1
        command = mode.controller.tick(episode, observation, due_ns if mode.anytime else None, mode.budget)
        ended_ns = point.at_ns + point.late_ns + command.timings.tick_ns
        mode.commands.append(command)
        mode.late_ns.append(point.late_ns)
        missed = not command.rung.fresh or ended_ns > due_ns
        mode.missed.append(missed)
        mode.avoidable.append(missed and command.steps > 0)
        eaten = (ended_ns - due_ns) // period_ns if command.steps else 0


def _rows(modes: list[Mode], scheduling: str) -> list[dict[str, Any]]:
    floor = float(np.mean(modes[0].missed))
    rows: list[dict[str, Any]] = []
    for mode in modes:
        rows.append(
            {
                "scheduling": scheduling,
                "mode": mode.name,
                "periods": len(mode.missed),
                "miss_rate": float(np.mean(mode.missed)),
                "avoidable_miss_rate": float(np.mean(mode.avoidable)),
                "floor": floor,
                "mean_steps": float(np.mean([command.steps for command in mode.commands])),
                "tick_ms": results.latency_summary([command.timings.tick_ns / 1e6 for command in mode.commands]),
                "late_ms": results.latency_summary([late_ns / 1e6 for late_ns in mode.late_ns]),
            }
        )
    return rows


def _recorded(modes: list[Mode], bundle: Bundle) -> Durations:
    """Return what the stages took at the full cap; what a tick does around them counts with the selection.

    How late ticks began is that of the ticks without a step: those at the full cap are late because of their own kind.
    """
    none, cap = modes[0], modes[1]
    period_ns = round(1e9 * bundle.manifest.control_period_s)
    timings = [command.timings for command in cap.commands]
    reference, step = np.array([t.reference_ns for t in timings]), np.array([t.step_ns for t in timings])
    select = np.array([t.tick_ns for t in timings]) - reference - step.sum(axis=1)
    return Durations(
        period_ns=period_ns,
        deadline_ns=period_ns,
        late=np.resize(none.late_ns, len(timings)),
        reference=reference,
        step=step,
        select=select,
    )


if __name__ == "__main__":
    raise SystemExit(main())
