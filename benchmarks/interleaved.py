"""Ways of doing one thing, timed in turn, so that whatever else the machine does meets all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

import numpy as np

NUM_RESAMPLES = 1000


def timed(
    ways: Mapping[str, Callable[[], object]], rounds: int, warm_up: int, before: Callable[[], object]
) -> dict[str, np.ndarray]:
    """Return milliseconds on the wall and of this thread on a processor, shape (rounds, 2), of each way.

    On an idle machine the two are alike; on a busy one the second leaves out the time in which others had the core.

    Args:
        ways: What is run, by name; each has its turn to be the first of a round.
        rounds: How many are counted.
        warm_up: How many go before them.
        before: Called at the start of each round; draws the inputs that all ways are given.
    """
    names = list(ways)
    samples: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    for index in range(warm_up + rounds):
        before()
        first = index % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(_timed_once(ways[name]))
    return {name: np.array(pairs[warm_up:]) / 1e6 for name, pairs in samples.items()}


def ratio_interval(samples: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Return a 95 % bootstrap interval of the ratio of medians; rounds are drawn whole, as both met the same load.

    Args:
        samples: Shape (rounds,).
        others: Same shape, of the same rounds.
    """
    rounds = np.random.default_rng(0).integers(0, others.size, (NUM_RESAMPLES, others.size))
    ratios = np.median(samples[rounds], axis=1) / np.median(others[rounds], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def _timed_once(way: Callable[[], object]) -> tuple[int, int]:
    began_ns, began_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
    way()
    ended_cpu_ns = time.thread_time_ns()
    return time.perf_counter_ns() - began_ns, ended_cpu_ns - began_cpu_ns
