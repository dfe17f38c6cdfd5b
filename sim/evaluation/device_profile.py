"""How long the stages of a tick take on some device: recorded there, or written by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.bench import Durations, load_durations
from vgf_robot.config import from_mapping
from vgf_robot.errors import ConfigError

Nanoseconds = NDArray[np.int64]


class ProfileFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a profile in JSON holds: a number of milliseconds for every tick, or one number for all.

    Attributes:
        reference_ms: Drawing particles.
        step_ms: One transport step; or for every tick a list, one number per step.
        select_ms: Choosing a particle.
        overhead_ms: From the grid point to the start of the tick: sensors, transport, a late wake-up.
        device: What was measured, for the reader.
    """

    reference_ms: float | tuple[float, ...]
    step_ms: float | tuple[tuple[float, ...], ...]
    select_ms: float | tuple[float, ...]
    overhead_ms: float | tuple[float, ...] = 0.0
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """The durations of T ticks in nanoseconds.

    Attributes:
        overhead: Shape (T,), from the grid point to the start of the tick.
        reference: Shape (T,).
        step: Shape (T, L); a further step takes as long as the last one recorded.
        select: Shape (T,).
    """

    overhead: Nanoseconds
    reference: Nanoseconds
    step: Nanoseconds
    select: Nanoseconds

    @property
    def num_ticks(self) -> int:
        """T."""
        return len(self.reference)

    @classmethod
    def of(cls, durations: Durations, slow_down: float = 1.0) -> DeviceProfile:
        """Return durations as a profile, every stage taking `slow_down` times as long."""
        stages = {"overhead": durations.late, **{name: getattr(durations, name) for name in _STAGES}}
        return cls(**{name: np.rint(slow_down * stage).astype(np.int64) for name, stage in stages.items()})


_STAGES = ("reference", "step", "select")


def load_profile(path: Path, slow_down: float = 1.0) -> DeviceProfile:
    """Read a profile.

    Args:
        path: A `.npz` file as `vgf_robot.bench.save_durations` writes it, or JSON as in `ProfileFile`.
        slow_down: Every stage takes so many times as long.

    Raises:
        ConfigError: The file is missing, or is no profile.
        DatasetError: It is a damaged `.npz` file.
    """
    if not path.is_file():
        raise ConfigError(f"Device profile {path} does not exist; record one, or write one as docs/evaluation.md says.")
    durations = load_durations(path) if path.suffix == ".npz" else _durations(_read(path), path)
    stages = (durations.late, durations.reference, durations.step, durations.select)
    if not durations.num_ticks or not durations.max_steps or any((stage < 0).any() for stage in stages):
        raise ConfigError(f"Device profile {path}: expected at least one tick with a step, and no time below 0.")
    return DeviceProfile.of(durations, slow_down)


def _read(path: Path) -> ProfileFile:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"Device profile {path} is no JSON ({error}); give a .json or .npz file.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"Device profile {path}: expected an object with reference_ms, step_ms and select_ms.")
    return from_mapping(content, ProfileFile, str(path))


def _durations(file: ProfileFile, path: Path) -> Durations:
    """Return the file's times, all of the same number of ticks."""
    steps = file.step_ms if isinstance(file.step_ms, tuple) else ((file.step_ms,),)
    if len({len(step) for step in steps}) > 1:
        raise ConfigError(f"Device profile {path}: expected as many step_ms in every tick, found different numbers.")
    times = {name: np.atleast_1d(getattr(file, f"{name}_ms")) for name in ("overhead", "reference", "select")}
    lengths = {name: len(values) for name, values in {**times, "step": steps}.items() if len(values) != 1}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"Device profile {path}: expected a number for every tick or one for all, found {lengths}.")
    num_ticks = next(iter(lengths.values()), 1)
    if not all(np.isfinite(values).all() for values in (*times.values(), np.array(steps))):
        raise ConfigError(f"Device profile {path}: expected finite milliseconds.")

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
