"""Which backend and precision runs a bundle fastest on this device, of those that are within their receipts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vgf_robot.backends import Graphs, installed_backends
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.errors import MachineError, VgfError
from vgf_robot.receipts.observations import observations_of
from vgf_robot.receipts.stated import why_untrusted
from vgf_robot.receipts.trusted import AUTO, Tell, load_trusted, to_standard_error

TIE = 1.05
"""Of those this near to the fastest, the simplest is taken, so that noise does not decide."""
WARM_UPS, ROUNDS = 5, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A backend and a precision, with what a tick of the bundle's setting took.

    Attributes:
        name: Such as `openvino-cpu:bfloat16`.
        tick_ms: Median, in milliseconds.
    """

    name: str
    tick_ms: float


def resolve_backend(name: str, bundle: Bundle | str | Path, threads: int, tell: Tell = to_standard_error) -> str:
    """Return a backend's name as it is, and for `auto` the name of the one to take here.

    Args:
        name: What was asked for.
        bundle: What is to be run; a folder or a shipped bundle's name is only read for `auto`.
        threads: Threads that a graph may use.
        tell: Takes a sentence for the user: what is taken, and why.

    Raises:
        BundleError: The bundle cannot be read.
        MachineError: Nothing on this machine runs the bundle.
    """
    if name != AUTO:
        return name
    opened = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
    timed, left_out = measure_candidates(opened, threads, tell)
    if not timed:
        raise MachineError(f"No backend on this machine runs {opened.manifest.name}: {'; '.join(left_out)}.")
    chosen = fastest(timed)
    others = ", ".join(f"{each.name} {each.tick_ms:.3g}" for each in timed if each != chosen)
    reasons = "".join(f"; left out: {reason}" for reason in left_out)
    tell(f"auto: {chosen.name}, {chosen.tick_ms:.3g} ms a tick{f' (others: {others})' if others else ''}{reasons}.")
    return chosen.name


def fastest(timed: Sequence[Timed]) -> Timed:
    """Return the first of those that are as good as the fastest."""
    best = min(each.tick_ms for each in timed)
    return next(each for each in timed if each.tick_ms <= TIE * best)


def measure_candidates(
    bundle: Bundle, threads: int, tell: Tell, clock: Callable[[], int] = time.monotonic_ns
) -> tuple[list[Timed], list[str]]:
    """Time a tick of the bundle's setting on every backend and precision that may be taken, in turn.

    Returns:
        Those that run, the simpler first, and a half-sentence for each one that was left out.
    """
    opened: dict[str, Graphs] = {}
    left_out: list[str] = []
    for backend, variant in candidates(bundle):
        name = f"{backend}:{variant.precision}"
        if reason := why_untrusted(bundle, variant, backend):
            left_out.append(f"{name}, {reason}")
            continue
        try:
            opened[name] = load_trusted(name, tell)(bundle, variant, threads=threads)
        except VgfError as error:
            left_out.append(f"{name}, {str(error).rstrip('.')}")
    ticks = {name: _Tick(graphs, bundle) for name, graphs in opened.items()}
    samples: dict[str, list[int]] = {name: [] for name in ticks}
    for number in range(WARM_UPS + ROUNDS):
        for name, tick in ticks.items():
            began_ns = clock()
            tick.run()
            if number >= WARM_UPS:
                samples[name].append(clock() - began_ns)
    return [Timed(name=name, tick_ms=float(np.median(taken)) / 1e6) for name, taken in samples.items()], left_out


def candidates(bundle: Bundle) -> Iterator[tuple[str, Variant]]:
    """Yield every backend that is here with every precision of the bundle's setting, the simpler first."""
    point = bundle.manifest.operating_point
    shape = (point.num_particles, point.reference_steps)
    for backend in installed_backends():
        for variant in bundle.manifest.variants:
            if (variant.num_particles, variant.reference_steps) == shape:
                yield backend, variant


class _Tick:
    """The stages of a tick at the bundle's setting, on fixed inputs."""

    def __init__(self, graphs: Graphs, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self._graphs = graphs
        self._point = manifest.operating_point
        self._observation = observations_of(bundle)[0]
        generator = np.random.default_rng(0)
        self._noise = generator.standard_normal((self._point.num_particles, manifest.action_size), np.float32)
        self._zeros = np.zeros_like(self._noise)
        self._silent = np.zeros(self._point.num_particles, np.float32)

    def run(self) -> None:
        graphs, point, observation = self._graphs, self._point, self._observation
        origin = particles = graphs.reference(observation, self._noise)
        first = second = self._zeros
        for index in range(point.max_steps):
            moved = graphs.step(observation, particles, origin, first, second, index, point.step_size, math.inf)
            particles, first, second = moved.moved, moved.first_moment, moved.second_moment
        graphs.select(observation, particles, self._silent, 1.0)
