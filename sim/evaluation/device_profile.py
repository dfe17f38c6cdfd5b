"""How long the stages of a tick take on some device: recorded there, or written by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.durations import Durations, load_durations
from vgf_robot.errors import ConfigError
from vgf_robot.profile import StageSamples, load_profile

Nanoseconds = NDArray[np.int64]
_STAGES = ("late", "reference", "step", "select")
_NS_PER_MS = 1e6


class Compute(NamedTuple):
    """What runs the graphs: the same numbers, but for the precision, in different times."""

    backend: str
    precision: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTimes:
    """What ticks take on a device.

    Attributes:
        source: The file, for errors.
        entries: Of which ticks, and their durations; `late` is what passes before a tick, from its grid point or from
            the end of the tick before, if that is later.
    """

    source: str
    entries: tuple[tuple[StageSamples, Durations], ...]

    def of(self, num_particles: int, reference_steps: int, compute: Compute) -> Durations:
        """Return the durations of ticks at an N and K.

        Of several, those that agree most in precision, backend and threads; of equals, the first.

        Raises:
            ConfigError: There are none at this N and K.
        """
        fitting = [entry for entry in self.entries if entry[0].fits(num_particles, reference_steps)]
        if not fitting:
            known = sorted({(entry.num_particles or 0, entry.reference_steps or 0) for entry, _ in self.entries})
            raise ConfigError(
                f"Device profile {self.source} has no times for (num_particles, reference_steps) = "
                f"{(num_particles, reference_steps)}, only for {', '.join(map(str, known))}; record them, or leave "
                "that setting out."
            )
        return max(fitting, key=lambda entry: _agreement(entry[0], compute))[1]


def load_times(path: Path, slow_down: float = 1.0) -> DeviceTimes:
    """Read what ticks take.

    Args:
        path: A `.npz` file as `sim.durations.save_durations` writes it, or a device profile in JSON.
        slow_down: Every stage takes so many times as long.

    Raises:
        ConfigError: The file is missing, or is no profile with times.
        DatasetError: It is a damaged `.npz` file.
    """
    if path.suffix == ".npz" and path.is_file():
        anything = StageSamples(reference_ms=0.0, step_ms=0.0, select_ms=0.0)
        entries = [(anything, load_durations(path))]
    else:
        entries = [(samples, durations_of(samples, str(path))) for samples in load_profile(path).stages]
    if not entries:
        raise ConfigError(f"Device profile {path} has no times; expected `stages` with at least one entry.")
    for _, durations in entries:
        stages = [getattr(durations, name) for name in _STAGES]
        if not durations.num_ticks or not durations.max_steps or any((stage < 0).any() for stage in stages):
            raise ConfigError(f"Device profile {path}: expected at least one tick with a step, and no time below 0.")
    return DeviceTimes(
        source=str(path),
        entries=tuple((samples, _slower(_filled(durations), slow_down)) for samples, durations in entries),
    )


def durations_of(samples: StageSamples, source: str) -> Durations:
    """Return times of a profile, all of the same number of ticks; period and deadline are left at 0.

    Args:
        samples: The times.
        source: Names the profile in errors.

    Raises:
        ConfigError: There are different numbers of ticks or steps, or times that are not finite.
    """
    steps = samples.step_ms if isinstance(samples.step_ms, tuple) else ((samples.step_ms,),)
    if len({len(step) for step in steps}) > 1:
        raise ConfigError(f"Device profile {source}: expected as many step_ms in every tick, found different numbers.")
    times = {name: np.atleast_1d(getattr(samples, f"{name}_ms")) for name in ("overhead", "reference", "select")}
    lengths = {name: len(values) for name, values in {**times, "step": steps}.items() if len(values) != 1}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"Device profile {source}: expected a number for every tick or one for all, found {lengths}.")
    num_ticks = next(iter(lengths.values()), 1)
    if not all(np.isfinite(values).all() for values in (*times.values(), np.array(steps))):
        raise ConfigError(f"Device profile {source}: expected finite milliseconds.")

    def ns(values: object) -> Nanoseconds:
        milliseconds = np.asarray(values, np.float64)
        shape = (num_ticks, *milliseconds.shape[1:])
        return np.broadcast_to(np.rint(milliseconds * 1e6).astype(np.int64), shape)

    return Durations(
        period_ns=0,
        deadline_ns=0,
        late=ns(times["overhead"]),
        reference=ns(times["reference"]),
        step=ns(steps),
        select=ns(times["select"]),
    )


def samples_of(
    durations: Durations, num_particles: int, reference_steps: int, compute: Compute, overhead_ms: float = 0.0
) -> StageSamples:
    """Return durations as a device profile has them, rounded to microseconds.

    Args:
        durations: Of ticks.
        num_particles: N.
        reference_steps: K.
        compute: What ran the graphs.
        overhead_ms: What else passes before each tick.
    """

    def ms(values: NDArray[Any], more: float = 0.0) -> Any:
        return tuple(np.round(values / _NS_PER_MS + more, 3).tolist())

    return StageSamples(
        overhead_ms=ms(durations.late, overhead_ms),
        reference_ms=ms(durations.reference),
        step_ms=tuple(map(tuple, np.round(durations.step / _NS_PER_MS, 3).tolist())),
        select_ms=ms(durations.select),
        num_particles=num_particles,
        reference_steps=reference_steps,
        **compute._asdict(),
    )


def with_steps(durations: Durations, num_steps: int) -> Durations:
    """Return durations of so many steps; a further step takes as long as the last one recorded."""
    last = durations.max_steps - 1
    columns = np.minimum(np.arange(num_steps), last)
    return replace(durations, step=durations.step[:, columns])


def _agreement(samples: StageSamples, compute: Compute) -> int:
    """Return how far times are those of a way to compute; precision says most, threads least."""
    return sum(
        weight * (getattr(samples, name) == getattr(compute, name))
        for name, weight in (("precision", 4), ("backend", 2), ("threads", 1))
    )


def _filled(durations: Durations) -> Durations:
    """Return durations in which a tick that was skipped, and so took no time, takes what ticks mostly take."""
    skipped = (durations.reference == 0) & (durations.select == 0) & (durations.step == 0).all(axis=1)
    if skipped.all() or not skipped.any():
        return durations
    filled = {name: getattr(durations, name).copy() for name in _STAGES[1:]}
    for stage in filled.values():
        stage[skipped] = np.median(stage[~skipped], axis=0)
    return replace(durations, **filled)


def _slower(durations: Durations, factor: float) -> Durations:
    stages = {name: np.rint(factor * getattr(durations, name)).astype(np.int64) for name in _STAGES}
    return replace(durations, **stages)
