"""Does `charged` foretell `real-time`? Both clocks on the same episodes, on the idle and on the loaded machine.

On the machine as it is, and with a busy process on every core, four kinds of episodes take turns in real time: one
whose ticks, all of every step, are recorded, and one of each of the three modes. Then the modes run charged with the
recording. The deadline is where a tick of every step misses it a few times in a hundred, so that there are misses to
compare. A mode is judged where both clocks have a hundred misses: the two miss rates should be within a factor of 1.5,
and the charged score within the interval of the one in real time. Nothing else may be at work meanwhile.

Example:
    python benchmarks/charged.py --minutes 3 --json out/bench/charged.json
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from sim.busy import busy_processes, usable_cores
from sim.evaluation.device_profile import durations_of
from sim.evaluation.episode import Episode
from sim.evaluation.job import Job, Rig
from sim.evaluation.modes import ADAPTIVE, FIXED_CAP, Mode, deadline_modes
from sim.evaluation.rows import make_row
from sim.scores import Score
from vgf_robot import results
from vgf_robot.bundle import Bundle
from vgf_robot.profile import DeviceProfile, save_profile

COLUMNS = ("machine", "mode", "misses", "charged", "ratio", "score (95 %)", "foretold", "steps", "verdict")
BACKEND = "onnxruntime-cpu"
FIRST_SHARE = 0.1  # of the time, to find the deadline
OTHER_EPISODES = 1_000_000  # than those that are compared
CHARGED_TIMES = 2  # as many episodes as in real time: what foretells should err less
SETTLED = 1000  # periods


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    bundle: str = "hopper-replay"
    """A folder or a shipped bundle."""
    minutes: float = 3.0
    """Real time for each machine, recording included."""
    tick_quantile: float = 0.97
    """The deadline is where a tick of every step is at this quantile; 0.9 of the period at most."""
    least_misses: int = 100
    """A mode with fewer is shown and not judged."""
    seed: int = 8000
    """Of the episodes."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    bundle, rows = Bundle.load(options.bundle), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        for machine in ("idle", "loaded"):
            with busy_processes(usable_cores() if machine == "loaded" else ()):
                job, in_real_time = _real_time(bundle, options, Path(folder) / f"{machine}.json")
            rows += _compared(machine, job, bundle, in_real_time, options)
    period_ms = 1e3 * bundle.manifest.control_period_s
    deadlines = ", ".join(f"{row['machine']} {row['deadline_ms']:.2f}" for row in rows[:: len(rows) // 2])
    title = f"{bundle.manifest.name}, period {period_ms:g} ms; deadlines in ms: {deadlines}"
    results.print_table(title, [_line(*pair) for pair in zip(rows[::2], rows[1::2], strict=True)], COLUMNS)
    if options.json is not None:
        results.write_json(options.json, "benchmarks/charged", asdict(options), results.finite(rows))
    return 0


def _real_time(bundle: Bundle, options: Options, profile: Path) -> tuple[Job, dict[Mode, list[Episode]]]:
    """Record and run every mode in turn, and return the charged job with the recording beside the episodes."""
    base = Job(
        bundle=bundle.folder,
        environment=bundle.manifest.environment,
        backend=BACKEND,
        threads=1,
        seed=options.seed,
        clock="real-time",
        deadline_share=0.9,
    )
    modes = deadline_modes(bundle.manifest)
    cap = next(mode for mode in modes if mode.name == FIXED_CAP)
    until_s = time.monotonic() + 60 * options.minutes
    share = _deadline_share(_recorded(base, cap, 60 * FIRST_SHARE * options.minutes), bundle, options.tick_quantile)
    job = replace(base, deadline_share=share)
    recorder = Rig.open(replace(job, record=True))
    rigs = {mode: Rig.open(job) for mode in modes}  # what one mode teaches its controller misleads another's
    _settle(modes, rigs)
    episodes: dict[Mode, list[Episode]] = {mode: [] for mode in modes}
    while time.monotonic() < until_s or not all(episodes.values()):
        index = len(episodes[cap])
        recorder.run(cap.way, OTHER_EPISODES + index)
        for mode, rig in rigs.items():
            episodes[mode].append(rig.run(mode.way, index))
    save_profile(profile, recorder.recorded())
    for rig in (recorder, *rigs.values()):
        rig.close()
    return replace(job, clock="charged", profile=profile), episodes


def _recorded(job: Job, cap: Mode, seconds: float) -> DeviceProfile:
    """Return what ticks take that take every step."""
    rig = Rig.open(replace(job, record=True))
    until_s, index = time.monotonic() + seconds, 2 * OTHER_EPISODES
    while time.monotonic() < until_s:
        rig.run(cap.way, index)
        index += 1
    rig.close()
    return rig.recorded()


def _deadline_share(profile: DeviceProfile, bundle: Bundle, quantile: float) -> float:
    """Return the deadline that a tick of every step misses now and then, as a share of the period."""
    found = durations_of(profile.stages[0], "the recording")
    ticks_ns = found.late + found.reference + found.step.sum(axis=1) + found.select
    period_ns = 1e9 * bundle.manifest.control_period_s
    ticks_ns[found.reference == 0] = period_ns  # skipped
    return min(0.9, float(np.quantile(ticks_ns, quantile)) / period_ns)


def _settle(modes: Sequence[Mode], rigs: Mapping[Mode, Rig]) -> None:
    """Let the controller that keeps the deadline learn its margin, as `charged` takes it to have done."""
    adaptive = next(mode for mode in modes if mode.name == ADAPTIVE)
    num_periods, index = 0, 3 * OTHER_EPISODES
    while num_periods < SETTLED:
        num_periods += rigs[adaptive].run(adaptive.way, index).num_periods
        index += 1


def _compared(
    machine: str, job: Job, bundle: Bundle, in_real_time: dict[Mode, list[Episode]], options: Options
) -> list[dict[str, Any]]:
    rig, rows = Rig.open(job), list[dict[str, Any]]()
    for mode, episodes in in_real_time.items():
        charged = [rig.run(mode.way, index) for index in range(CHARGED_TIMES * len(episodes))]
        pair = [
            _row(machine, clock, job, bundle, mode, found)
            for clock, found in (("real-time", episodes), ("charged", charged))
        ]
        rows += [pair[0], pair[1] | _verdict(pair[0], pair[1], options.least_misses)]
    rig.close()
    return rows


def _row(machine: str, clock: str, job: Job, bundle: Bundle, mode: Mode, episodes: Sequence[Episode]) -> dict[str, Any]:
    row = make_row(job, bundle, mode.name, mode.setting, episodes)
    return {
        "machine": machine,
        "clock": clock,
        **row,
        "periods": sum(episode.num_periods for episode in episodes),
        "misses": sum(episode.num_misses for episode in episodes),
    }


def _line(real: dict[str, Any], charged: dict[str, Any]) -> dict[str, Any]:
    """Return a mode on both clocks as one line of the table."""
    return {
        "machine": real["machine"],
        "mode": real["mode"],
        "misses": f"{100 * real['miss_rate']:.2g} % ({real['misses']})",
        "charged": f"{100 * charged['miss_rate']:.2g} % ({charged['misses']})",
        "ratio": charged["ratio"],
        "score (95 %)": str(Score.of(real)),
        "foretold": f"{charged['return_mean']:,.4g}" if real["success_rate"] is None else charged["success_rate"],
        "steps": f"{real['mean_steps']:.2f} / {charged['mean_steps']:.2f}",
        "verdict": charged["verdict"],
    }


def _verdict(real: dict[str, Any], charged: dict[str, Any], least_misses: int) -> dict[str, Any]:
    """Return the ratio of the miss rates, and whether score and ratio are what was promised."""
    ratio = charged["miss_rate"] / real["miss_rate"] if real["miss_rate"] else None
    counted = min(real["misses"], charged["misses"]) >= least_misses
    score, other = Score.of(charged), Score.of(real)
    inside = score is not None and other is not None and (other.low or 0) <= score.value <= (other.high or 0)
    near = ratio is not None and 1 / 1.5 <= ratio <= 1.5
    words = ("score inside" if inside else "score outside", "few misses" if not counted else "near" if near else "far")
    return {"ratio": ratio, "verdict": ", ".join(words)}


if __name__ == "__main__":
    raise SystemExit(main())
