"""Settings to episodes, by way of a suite: resumable, shared out to workers, the same seeds for all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sim.evaluation.device_profile import Compute
from sim.plants import Plant
from sim.suite.episode_row import Row
from sim.suite.run import run_suite
from sim.suite.suite import NamedBudget, Suite, Task
from sim.suite.summary import by_cell, cell_row
from sim.tuning.candidates import Candidate
from sim.tuning.costs import Lane
from sim.tuning.request import TuneRequest
from vgf_robot.backends import installed_backends
from vgf_robot.bundle import Bundle
from vgf_robot.profile import DeviceProfile, save_profile

_USUAL = "onnxruntime-cpu"
Note = Callable[[str], object]


class Cell(NamedTuple):
    """What is simulated once: a setting at a deadline; None where the plant waits."""

    candidate: Candidate
    deadline_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """The episodes of a cell.

    Attributes:
        episodes: A row each.
        row: What they come to, under the keys that every verb uses.
    """

    episodes: Sequence[Row]
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where settings are simulated.

    Attributes:
        bundle: What is run.
        source: The bundle as it was named.
        request: What was asked.
        lanes: What computes each shape, and what it takes.
        work: Folder of the suites.
        open_plant: Opens a plant by its name.
        knows_success: Whether a plant says when its task is solved.
        note: Takes what is worth saying.
    """

    bundle: Bundle
    source: str
    request: TuneRequest
    lanes: Sequence[Lane]
    work: Path
    open_plant: Callable[[str], Plant]
    knows_success: Callable[[str], bool]
    note: Note


def simulate(
    stand: Stand, purpose: str, cells: Iterable[Cell], *, episodes: int, seed: int, data: str | None = None
) -> dict[Cell, Simulated]:
    """Run the episodes of cells that are not on disk yet.

    Args:
        stand: Where.
        purpose: Names the folder.
        cells: All with a deadline, or none.
        episodes: Of each.
        seed: They follow from it.
        data: Dataset that actions are compared with.

    Raises:
        VgfError: What stands against the suite.
        KeyboardInterrupt: The episodes that there are stand in the folder.
    """
    named = {_budget(stand, cell).name: cell for cell in dict.fromkeys(cells)}
    charged = all(cell.deadline_ms is not None for cell in named.values())
    suite = Suite(
        tasks=(Task(bundle=stand.source, environment=stand.request.environment, name=stand.bundle.manifest.name),),
        budgets=tuple(_budget(stand, cell) for cell in named.values()),
        episodes=episodes,
        seed=seed,
        clock="charged" if charged else "lock-step",
        profile=str(_write_times(stand)) if charged else None,
        data=data,
        workers=stand.request.workers,
    )
    stand.note(f"{purpose}: {len(named)} settings, {episodes} episodes each, seed {seed}, {suite.clock}")
    folder = stand.work / f"{purpose}-{_digest(suite)}"
    rows = run_suite(suite, folder, open_plant=stand.open_plant, knows_success=stand.knows_success, note=stand.note)
    return {
        named[key.budget]: Simulated(episodes=own, row=cell_row(key, own)) for key, own in by_cell(suite, rows).items()
    }


def _budget(stand: Stand, cell: Cell) -> NamedBudget:
    candidate = cell.candidate
    compute = simulated_on(next(lane.compute for lane in stand.lanes if lane.shape == candidate.shape))
    late = "" if cell.deadline_ms is None else f", {cell.deadline_ms:g} ms"
    return NamedBudget(
        name=f"{candidate.name}{late}",
        **{name: getattr(candidate.budget(), name) for name in candidate.budget().__struct_fields__},
        reference_steps=candidate.shape.reference_steps,
        precision=candidate.shape.precision,
        backend=compute.backend,
        deadline_ms=cell.deadline_ms,
    )


def simulated_on(compute: Compute) -> Compute:
    """Return what computes here what a way computes on its device: the same, or the usual one with the same numbers."""
    backend = compute.backend if compute.backend in _installed() else _USUAL
    return compute._replace(backend=backend, threads=1)


@cache
def _installed() -> tuple[str, ...]:
    return tuple(installed_backends())  # looks through every package's entry points


def _write_times(stand: Stand) -> Path:
    """Write what ticks take, one entry per shape; equal times leave the file alone, and with it the episodes."""
    stages = tuple(lane.samples() for lane in stand.lanes)
    profile = DeviceProfile(bundle=stand.bundle.manifest.name, stages=stages)
    path = stand.work / f"times-{hashlib.sha256(msgspec.json.encode(profile)).hexdigest()[:10]}.json"
    if not path.exists():
        save_profile(path, profile)
    return path


def _digest(suite: Suite) -> str:
    """Return what names the episodes of a suite: another grid has a folder of its own."""
    same = msgspec.structs.replace(suite, workers=1)
    return hashlib.sha256(msgspec.json.encode(same)).hexdigest()[:10]
