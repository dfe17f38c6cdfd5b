"""Does `charged` foretell `real-time`? Both clocks on the same episodes, on the idle and on the loaded machine.

On the machine as it is, and with a busy process on every core, episodes in real time first record what ticks take. Then
the three modes run in real time, in turn, and once more charged with the recording. The deadline is where a tick of
every step misses it a few times in a hundred, so that there are misses to compare. A mode is judged where both clocks
have a hundred misses: the two miss rates should be within a factor of 1.5, and the charged score within the interval of
the one in real time. Nothing else may be at work meanwhile.

Example:
    python benchmarks/charged.py --minutes 6 --json out/bench/charged.json
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
from numpy.typing import NDArray

from sim.demo.busy import busy_processes, usable_cores
from sim.evaluation.device_profile import Compute
from sim.evaluation.driver import Delivery, InProcess
from sim.evaluation.episode import Episode
from sim.evaluation.job import Job, Rig
from sim.evaluation.modes import ADAPTIVE, FIXED_CAP, Mode, deadline_modes
from sim.evaluation.real_time import MonotonicClock
from sim.evaluation.rows import make_row
from sim.scores import Score
from sim.tuning.candidates import Shape
from sim.tuning.costs import samples_of
from vgf_robot import results
from vgf_robot.bench import Durations, Recording
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget
from vgf_robot.profile import DeviceProfile, save_profile

COLUMNS = ("machine", "clock", "mode", "score (95 %)", "steps", "periods", "misses", "miss_rate", "ratio", "verdict")
BACKEND = "onnxruntime-cpu"
NS_PER_MS = 1e6
RECORD_SHARE = 0.3
OTHER_EPISODES = 1_000_000  # than those that are compared
SETTLED = 2000  # periods


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    bundle: str = "hopper-replay"
    """A folder or a shipped bundle."""
    minutes: float = 6.0
    """Real time for each machine, recording included."""
    tick_quantile: float = 0.97
    """The deadline is where a tick of every step is at this quantile; 0.9 of the period at most."""
    least_misses: int = 100
    """A mode with fewer is shown and not judged."""
    seed: int = 8000
    """Of the episodes."""
    json: Path | None = None
    """Write the rows there."""


class RecordingDriver:
    """A driver, and the clock of its loop, that note how late each period began and what its stages took.

    A period that began after its deadline is skipped by the loop; it is noted with the stages of the one before.
    """

    def __init__(self, driver: InProcess, deadline_ns: int) -> None:
        """Record what a driver does in a loop with this deadline."""
        self.recording = Recording()
        self._driver = driver
        self._deadline_ns = deadline_ns
        self._clock = MonotonicClock()
        self._late_ns = 0

    def now_ns(self) -> int:
        """Return the time."""
        return self._clock.now_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Sleep, and see how late that ended; without a sleep nobody could wake up late."""
        sleeps = self._clock.now_ns() < moment_ns
        self._clock.sleep_until(moment_ns)
        self._late_ns = self._clock.now_ns() - moment_ns if sleeps else 0
        if self._late_ns >= self._deadline_ns and self.recording.timings:
            self.recording.note(self._late_ns, self.recording.timings[-1])

    def prepare(self, budget: Budget) -> None:
        """Load what this budget needs."""
        self._driver.prepare(budget)

    def begin_episode(self, seed: int) -> None:
        """Begin an episode."""
        self._driver.begin_episode(seed)

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action, and note it."""
        late_ns = self._late_ns
        answer = self._driver.act(observation, budget, deadline_ns)
        if answer is not None:
            self.recording.note(late_ns, answer.command.timings)
        return answer

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


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
    results.print_table(title, rows, COLUMNS)
    if options.json is not None:
        results.write_json(options.json, "benchmarks/charged", asdict(options), results.finite(rows))
    return 0


def _real_time(bundle: Bundle, options: Options, profile: Path) -> tuple[Job, dict[Mode, list[Episode]]]:
    """Record, then run every mode in turn, and return the charged job with the recording beside the episodes."""
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
    durations = _recorded(base, bundle, cap, 60 * options.minutes * RECORD_SHARE)
    _save(profile, bundle, durations)
    ticks = durations.late + durations.reference + durations.step.sum(axis=1) + durations.select
    share = float(np.quantile(ticks, options.tick_quantile)) / (1e9 * bundle.manifest.control_period_s)
    job = replace(base, deadline_share=min(0.9, share))
    rigs = {mode: Rig.open(job) for mode in modes}  # what one mode teaches its controller misleads another's
    _settle(modes, rigs)
    until_s = time.monotonic() + 60 * options.minutes * (1 - RECORD_SHARE)
    episodes: dict[Mode, list[Episode]] = {mode: [] for mode in modes}
    while time.monotonic() < until_s or not all(episodes.values()):
        for mode, rig in rigs.items():
            episodes[mode].append(rig.run(mode.way, len(episodes[mode])))
    return replace(job, clock="charged", profile=profile), episodes


def _recorded(job: Job, bundle: Bundle, cap: Mode, seconds: float) -> Durations:
    """Return what ticks take that take every step."""
    period_ns = round(bundle.manifest.control_period_s * 1e9)
    deadline_ns = round(job.deadline_share * period_ns)
    driver = RecordingDriver(InProcess.open(bundle, BACKEND, 1), deadline_ns)
    rig = Rig(job, job.open_plant(job.environment), driver, bundle, driver)
    until_s, index = time.monotonic() + seconds, OTHER_EPISODES
    while time.monotonic() < until_s:
        rig.run(cap.way, index)
        index += 1
    rig.close()
    return driver.recording.durations(period_ns, deadline_ns, 0)


def _settle(modes: Sequence[Mode], rigs: Mapping[Mode, Rig]) -> None:
    """Let the controller that keeps the deadline learn its margin, as `charged` takes it to have done."""
    adaptive = next(mode for mode in modes if mode.name == ADAPTIVE)
    num_periods, index = 0, 2 * OTHER_EPISODES
    while num_periods < SETTLED:
        num_periods += rigs[adaptive].run(adaptive.way, index).num_periods
        index += 1


def _save(path: Path, bundle: Bundle, durations: Durations) -> None:
    point = bundle.manifest.operating_point
    shape = Shape(point.num_particles, point.reference_steps, bundle.manifest.variants[0].precision)
    samples = samples_of(shape, Compute(BACKEND, shape.precision, 1), durations)
    save_profile(path, DeviceProfile(device=results.device_facts(), bundle=bundle.manifest.name, stages=(samples,)))


def _compared(
    machine: str, job: Job, bundle: Bundle, in_real_time: dict[Mode, list[Episode]], options: Options
) -> list[dict[str, Any]]:
    rig, rows = Rig.open(job), list[dict[str, Any]]()
    for mode, episodes in in_real_time.items():
        charged = [rig.run(mode.way, index) for index in range(len(episodes))]
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
        "score (95 %)": str(Score.of(row)),
        "steps": f"{row['mean_steps']:.2f}",
        "periods": sum(episode.num_periods for episode in episodes),
        "misses": sum(episode.num_misses for episode in episodes),
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
