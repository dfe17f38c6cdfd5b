"""What a suite costs beside its episodes: against bare plant steps and bare ticks, in memory, and with two workers.

The bare loop runs the same episodes, seeds and budgets with nothing around them: `plant.reset`, `plant.apply` and
`Controller.tick`. Suite and bare loop take turns in blocks of episodes in one process, so that a machine that gets
slower hits both. Targets: at most 30 % over the bare loop, memory flat over 1,000 episodes, two workers at least 1.7
times as fast as one.

Example:
    python benchmarks/suite.py --bundle cube-single-play --blocks 6 --block-episodes 10 --json out/bench/suite.json
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro

from sim.evaluation.episode import episode_seeds
from sim.plants import Plant, open_plant
from sim.suite.cells import Key, keys_of
from sim.suite.journal import open_journal
from sim.suite.run import JOURNAL, run_suite
from sim.suite.suite import NamedBudget, Suite, Task
from sim.suite.work import EpisodeRunner, SuiteWork
from vgf_robot import results
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller

COLUMNS = ("mode", "episodes", "seconds", "overhead_percent", "memory_mib", "speed_up")
OVERHEAD_PERCENT, SPEED_UP, GROWTH_MIB = 30.0, 1.7, 16.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    bundle: str = "cube-single-play"
    """The bundle, in the plant that it was made for."""
    blocks: int = 6
    """Turns of suite and bare loop."""
    block_episodes: int = 10
    """Episodes of each turn."""
    memory_episodes: int = 1000
    """Episodes in one process, whose memory is looked at from the hundredth on; 0 leaves this out."""
    memory_periods: int = 20
    """Control periods of each of these: what could grow is what an episode leaves behind."""
    worker_episodes: int = 40
    """Episodes that one worker, and then two, are given; 0 leaves this out."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    rows = [_overhead(options)]
    if options.memory_episodes:
        rows.append(_memory(options))
    if options.worker_episodes:
        rows.append(_two_workers(options))
    results.print_table(f"a suite of {options.bundle}", rows, COLUMNS)
    for row in rows:
        print(f"{row['mode']}: {row['verdict']}")
    if options.json is not None:
        results.write_json(options.json, "benchmarks/suite", asdict(options), rows)
    return 0


def _suite(options: Options, episodes: int, workers: int = 1) -> Suite:
    tasks, budgets = (Task(bundle=options.bundle),), (NamedBudget(name="sealed"),)
    return Suite(tasks=tasks, budgets=budgets, severities=(0.0,), episodes=episodes, seed=7, workers=workers)


def _overhead(options: Options) -> dict[str, Any]:
    """Run blocks of the same episodes by turns, through the suite's own runner and journal, and bare."""
    suite = _suite(options, options.blocks * options.block_episodes)
    bundle = Bundle.load(options.bundle)
    work = SuiteWork.of(suite, {options.bundle: bundle})
    ratios, taken, bare_taken = [], 0.0, 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_journal(Path(folder) / JOURNAL) as journal,
        closing(EpisodeRunner(work)) as runner,
        closing(open_plant(bundle.manifest.environment)) as plant,
    ):
        controller = Controller.open(bundle, backend=suite.backend, threads=suite.threads)
        keys = iter(keys_of(suite))
        first = next(keys)
        runner(first)  # opens the rig
        _bare(plant, controller, suite.seed, first)
        for block in _blocks(keys, options.block_episodes):
            seconds = _timed(lambda block=block: [journal.note(key, runner(key)) for key in block])
            bare = _timed(lambda block=block: [_bare(plant, controller, suite.seed, key) for key in block])
            ratios.append(seconds / bare)
            taken, bare_taken = taken + seconds, bare_taken + bare
    percent = 100 * (statistics.median(ratios) - 1)
    return {
        "mode": "overhead",
        "episodes": suite.episodes - 1,
        "seconds": taken,
        "bare_seconds": bare_taken,
        "overhead_percent": percent,
        "verdict": _verdict(percent <= OVERHEAD_PERCENT, f"{percent:.1f} % over bare steps and ticks", "at most 30 %"),
    }


def _blocks(keys: Iterator[Key], size: int) -> Iterator[tuple[Key, ...]]:
    while block := tuple(itertools.islice(keys, size)):
        yield block


def _timed(work: Callable[[], object]) -> float:
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def _bare(plant: Plant, controller: Controller, seed: int, key: Key) -> None:
    """Run one episode with nothing around it."""
    plant_seed, controller_seed = episode_seeds(seed, key.episode)
    observation, done = plant.reset(plant_seed), False
    episode = controller.begin_episode(controller_seed)
    while not done:
        transition = plant.apply(controller.tick(episode, observation, None).action)
        observation, done = transition.observation, transition.done


def _memory(options: Options) -> dict[str, Any]:
    """Run many short episodes in this process, and see what it holds after the hundredth and after the last."""
    suite = _suite(options, options.memory_episodes)
    held: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        run_suite(
            suite, Path(folder) / "out", open_plant=_Short.opener(options.memory_periods, held), note=lambda _: None
        )
        seconds = time.monotonic() - began_s
    early, late = held[min(100, len(held) // 2)], held[-1]
    growth = late - early
    return {
        "mode": "memory",
        "episodes": suite.episodes,
        "seconds": seconds,
        "memory_mib": late,
        "memory_mib_early": early,
        "verdict": _verdict(
            growth <= GROWTH_MIB, f"{early:.0f} MiB, then {late:.0f} MiB", f"at most {GROWTH_MIB:g} more"
        ),
    }


class _Short:
    """A plant whose episodes end after some periods, and which notes this process's memory when one begins."""

    def __init__(self, plant: Any, num_periods: int, held: list[float]) -> None:
        self._plant, self._num_periods, self._held, self._count = plant, num_periods, held, 0

    @classmethod
    def opener(cls, num_periods: int, held: list[float]) -> Callable[[str], Any]:
        return lambda name: cls(open_plant(name), num_periods, held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plant, name)

    def reset(self, seed: int) -> Any:
        self._count = 0
        self._held.append(_resident_mib())
        return self._plant.reset(seed)

    def apply(self, action: Any) -> Any:
        self._count += 1
        transition = self._plant.apply(action)
        done = transition.done or self._count >= self._num_periods
        return type(transition)(
            observation=transition.observation, reward=transition.reward, success=transition.success, done=done
        )


def _resident_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _two_workers(options: Options) -> dict[str, Any]:
    """Let one worker process, and then two, do the same episodes; from the end of the first one to that of the last."""
    rates = {workers: _rate(options, workers) for workers in (1, 2)}
    speed_up = rates[2] / rates[1]
    return {
        "mode": "two workers",
        "episodes": options.worker_episodes,
        "episodes_per_s": rates[2],
        "episodes_per_s_alone": rates[1],
        "speed_up": speed_up,
        "verdict": _verdict(speed_up >= SPEED_UP, f"{speed_up:.2f} times one worker", f"at least {SPEED_UP:g}"),
    }


def _rate(options: Options, workers: int) -> float:
    """Return episodes per second while all workers are at work: starting them costs seconds, once."""
    from sim.plants.workers import in_workers

    suite = _suite(options, options.worker_episodes, workers)
    work = SuiteWork.of(suite, {options.bundle: Bundle.load(options.bundle)})
    ends_s: list[float] = []
    for _ in in_workers(EpisodeRunner(work), keys_of(suite), workers, str):
        ends_s.append(time.monotonic())
    begun = 2 * workers  # by then each has opened its plant
    return (len(ends_s) - 1 - begun) / (ends_s[-1] - ends_s[begun])


def _verdict(met: bool, found: str, target: str) -> str:
    return f"{found}; target {target}: {'met' if met else 'MISSED'}."


if __name__ == "__main__":
    sys.exit(main())
