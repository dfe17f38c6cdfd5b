"""Every setting on the same episodes, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from sim.evaluation.episode import Episode
from sim.evaluation.job import Bench, Job
from sim.evaluation.setting import Setting
from vgf_robot.errors import MachineError

Outcomes = dict[Setting, list[Episode]]
Progress = Callable[[int], None]
Block = tuple[Setting, range]

_BLOCKS_PER_WORKER = 4  # small enough that nobody waits long for the last one


def run_here(bench: Bench, settings: Sequence[Setting], num_episodes: int, progress: Progress) -> Outcomes:
    """Run every setting on episodes 0 to `num_episodes` - 1 in this process.

    Args:
        bench: Plant and driver.
        settings: Without repetitions.
        num_episodes: Per setting.
        progress: Told how many episodes were finished since it was last told.
    """
    outcomes: Outcomes = {}
    for setting in settings:
        outcomes[setting] = []
        for index in range(num_episodes):
            outcomes[setting].append(bench.run(setting, index))
            progress(1)
    return outcomes


def run_in_workers(
    job: Job, settings: Sequence[Setting], num_episodes: int, progress: Progress, num_workers: int
) -> Outcomes:
    """Run the same episodes in several processes; the outcomes do not depend on how many, latencies aside.

    Args:
        job: The evaluation; lock-step, since workers disturb each other's clock.
        settings: Without repetitions.
        num_episodes: Per setting.
        progress: Told how many episodes were finished since it was last told.
        num_workers: Number of processes.

    Raises:
        MachineError: A process was killed, most often for memory.
    """
    found: dict[tuple[Setting, int], Episode] = {}
    # Fresh processes: a forked one would inherit the backend's threads without their stacks.
    pool = ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        futures = [pool.submit(_run_block, job, block) for block in _blocks(settings, num_episodes, num_workers)]
        for future in as_completed(futures):
            results = future.result()
            found.update(results)
            progress(len(results))
    except BrokenProcessPool as error:
        raise MachineError("A worker process ended before its episodes did; take fewer --workers.") from error
    finally:
        pool.shutdown(cancel_futures=True)
    return {setting: [found[setting, index] for index in range(num_episodes)] for setting in settings}


def _blocks(settings: Sequence[Setting], num_episodes: int, num_workers: int) -> Iterator[Block]:
    size = max(1, num_episodes * len(settings) // (num_workers * _BLOCKS_PER_WORKER))
    for setting in settings:
        for first in range(0, num_episodes, size):
            yield setting, range(first, min(first + size, num_episodes))


_benches: dict[Job, Bench] = {}  # of a worker process, which opens its bench once and ends with it


def _run_block(job: Job, block: Block) -> dict[tuple[Setting, int], Episode]:
    if job not in _benches:
        _benches[job] = Bench.open(job)
    setting, indices = block
    return {(setting, index): _benches[job].run(setting, index) for index in indices}
